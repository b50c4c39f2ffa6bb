#pragma once

#include <nghttp2/nghttp2.h>

#include "storm/h2_session.h"

namespace claimstorm {

/// What nghttp2 calls for an H2Session. From within these nothing is told to exchanges but what
/// they read; their ends are told later.
struct H2Callbacks {
    /// Every session's, made once. Throws std::bad_alloc.
    static nghttp2_session_callbacks* table();
    /// What a session keeps and bears at most. Throws std::bad_alloc.
    static nghttp2_option* options();

    /// The body of a request, as far as it may go out.
    static ssize_t read_body(nghttp2_session* session, std::int32_t id, std::uint8_t* into,
                             std::size_t room, std::uint32_t* flags, nghttp2_data_source* source,
                             void* user);

  private:
    static int stop(H2Session& self, H2Stream& stream, TransportError error);
    static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user);
    static int on_header(nghttp2_session* session, const nghttp2_frame* frame,
                         const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                         std::size_t value_size, std::uint8_t flags, void* user);
    static int on_data(nghttp2_session* session, std::uint8_t flags, std::int32_t id,
                       const std::uint8_t* bytes, std::size_t size, void* user);
    static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user);
    static int on_stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t error,
                               void* user);
    static int on_error(nghttp2_session* session, int code, const char* text, std::size_t size,
                        void* user);
};

}  // namespace claimstorm
