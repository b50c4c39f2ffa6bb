#include "storm/h2_callbacks.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace claimstorm {
namespace {

std::string_view view(const std::uint8_t* bytes, std::size_t size) {
    return {reinterpret_cast<const char*>(bytes), size};
}

H2Session& session_of(void* user) {
    return *static_cast<H2Session*>(user);
}

H2Stream* stream_of(nghttp2_session* session, std::int32_t id) {
    return static_cast<H2Stream*>(nghttp2_session_get_stream_user_data(session, id));
}

}  // namespace

// Ends the exchange early, and its stream with it.
int H2Callbacks::stop(H2Session& self, H2Stream& stream, TransportError error) {
    nghttp2_submit_rst_stream(self.session_, NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_CANCEL);
    self.end_stream(stream, error);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

ssize_t H2Callbacks::read_body(nghttp2_session* session, std::int32_t id, std::uint8_t* into,
                               std::size_t room, std::uint32_t* flags,
                               nghttp2_data_source* /*source*/, void* /*user*/) {
    H2Stream* stream = stream_of(session, id);
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (stream->body_.empty() && stream->held_) return NGHTTP2_ERR_DEFERRED;
    const std::size_t size = std::min(room, stream->body_.size());
    std::memcpy(into, stream->body_.data(), size);
    stream->body_.remove_prefix(size);
    if (stream->body_.empty() && !stream->held_) *flags = NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
}

int H2Callbacks::on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame,
                                  void* /*user*/) {
    if (H2Stream* stream = stream_of(session, frame->hd.stream_id)) stream->on_headers_begin();
    return 0;
}

int H2Callbacks::on_header(nghttp2_session* session, const nghttp2_frame* frame,
                           const std::uint8_t* name, std::size_t name_size,
                           const std::uint8_t* value, std::size_t value_size,
                           std::uint8_t /*flags*/, void* user) {
    H2Stream* stream = stream_of(session, frame->hd.stream_id);
    if (stream == nullptr) return 0;
    const TransportError error = stream->on_header(view(name, name_size), view(value, value_size));
    return error == TransportError::none ? 0 : stop(session_of(user), *stream, error);
}

int H2Callbacks::on_data(nghttp2_session* session, std::uint8_t /*flags*/, std::int32_t id,
                         const std::uint8_t* bytes, std::size_t size, void* user) {
    H2Stream* stream = stream_of(session, id);
    if (stream == nullptr) return 0;
    const TransportError error = stream->on_data(view(bytes, size));
    if (error != TransportError::none) stop(session_of(user), *stream, error);
    return 0;
}

int H2Callbacks::on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    H2Session& self = session_of(user);
    if (frame->hd.type == NGHTTP2_GOAWAY) self.is_draining_ = true;
    if (frame->hd.type == NGHTTP2_SETTINGS) {
        if (self.state_ == H2Session::State::settling) self.state_ = H2Session::State::open;
        self.streams_max_ = std::min(
            H2Session::kStreamsMax,
            nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS));
    }
    H2Stream* stream = stream_of(session, frame->hd.stream_id);
    if (stream == nullptr) return 0;
    if (frame->hd.type == NGHTTP2_RST_STREAM) stream->was_reset_ = true;
    if (frame->hd.type == NGHTTP2_HEADERS && !stream->is_final_) {
        stream->is_final_ = stream->on_headers_end();
    }
    const bool is_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
                        (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA);
    if (!is_end || !stream->is_final_) return 0;
    // A service may answer before it has read everything: the rest is not for it any more.
    if (nghttp2_session_get_stream_local_close(session, stream->id_) == 0) {
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream->id_, NGHTTP2_CANCEL);
    }
    self.end_stream(*stream, TransportError::none);
    return 0;
}

int H2Callbacks::on_stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t /*error*/,
                                 void* user) {
    H2Session& self = session_of(user);
    --self.streams_;
    H2Stream* stream = stream_of(session, id);
    if (stream == nullptr) return 0;
    // RST_STREAM, or GOAWAY with a lower last stream, even where the service says that it has
    // not looked at the request: bytes of it had left, and who knows what stands in between.
    const bool is_theirs = stream->was_reset_ || self.is_draining_;
    self.end_stream(*stream, is_theirs ? TransportError::reset : TransportError::bad_response);
    return 0;
}

int H2Callbacks::on_error(nghttp2_session* /*session*/, int /*code*/, const char* text,
                          std::size_t size, void* user) {
    session_of(user).reason_.assign(text, size);
    return 0;
}

nghttp2_session_callbacks* H2Callbacks::table() {
    static nghttp2_session_callbacks* const callbacks = [] {
        nghttp2_session_callbacks* made = nullptr;
        if (nghttp2_session_callbacks_new(&made) != 0) throw std::bad_alloc();
        nghttp2_session_callbacks_set_on_begin_headers_callback(made, on_begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(made, on_header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, on_data);
        nghttp2_session_callbacks_set_on_frame_recv_callback(made, on_frame);
        nghttp2_session_callbacks_set_on_stream_close_callback(made, on_stream_close);
        nghttp2_session_callbacks_set_error_callback2(made, on_error);
        return made;
    }();
    return callbacks;
}

nghttp2_option* H2Callbacks::options() {
    static nghttp2_option* const options = [] {
        nghttp2_option* made = nullptr;
        if (nghttp2_option_new(&made) != 0) throw std::bad_alloc();
        nghttp2_option_set_no_closed_streams(made, 1);  // nobody asks for priorities
        nghttp2_option_set_max_settings(made, 32);
        nghttp2_option_set_max_outbound_ack(made,
                                            1000);  // then floods of SETTINGS, PING end it
        return made;
    }();
    return options;
}

}  // namespace claimstorm
