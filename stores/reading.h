#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "model/error.h"
#include "model/evidence.h"

namespace claimstorm {

/// The store answered, and what a counter is read from is not there.
class AbsentKey : public UsageError {
  public:
    using UsageError::UsageError;
};

/// What `read` returns, or why it could not: "mysql.claims: …".
template <typename T, typename Read>
Reading<T> guarded(const std::string& what, Read&& read) {
    try {
        return Reading<T>(read());
    } catch (const AbsentKey& error) {
        return Reading<T>(Unreadable{fmt::format("{}: {}", what, error.what()), true});
    } catch (const Error& error) {
        return Reading<T>(Unreadable{fmt::format("{}: {}", what, error.what())});
    }
}

/// "mysql.claims", or where there are several of them "mysql.claims[1]", counted from 0.
inline std::string label_of(std::string_view what, std::size_t index, std::size_t number) {
    return number == 1 ? std::string(what) : fmt::format("{}[{}]", what, index);
}

/// Connections to the places that evidence is read from: each is opened when it is first needed,
/// kept, and opened anew once it is lost.
template <typename Connection, typename Address, typename Options>
class ConnectionsTo {
  public:
    explicit ConnectionsTo(Options options = {}) : options_(options) {}

    /// The number of that place from now on.
    std::size_t add(const Address& address) {
        for (std::size_t at = 0; at < places_.size(); ++at) {
            if (places_[at].address == address) return at;
        }
        places_.push_back({address, std::make_unique<std::optional<Connection>>()});
        return places_.size() - 1;
    }
    Connection& at(std::size_t place) {
        std::optional<Connection>& connection = *places_[place].connection;
        if (connection && !connection->is_usable()) connection.reset();
        if (!connection) connection.emplace(places_[place].address, options_);
        return *connection;
    }
    /// Without opening one.
    bool is_open(std::size_t place) const {
        const std::optional<Connection>& connection = *places_[place].connection;
        return connection && connection->is_usable();
    }
    std::size_t size() const noexcept { return places_.size(); }
    void require_all() {
        for (std::size_t place = 0; place < places_.size(); ++place) at(place);
    }

  private:
    struct Place {
        Address address;
        std::unique_ptr<std::optional<Connection>> connection;  // stays where it is
    };
    Options options_;
    std::vector<Place> places_;
};

}  // namespace claimstorm
