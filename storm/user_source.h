#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storm/spec.h"

namespace claimstorm {

/// What a request says of its user. The views live until the reader's next `read`.
struct UserValues {
    std::uint32_t n = 0;  ///< which user, from 1
    std::string_view name;
    std::vector<std::string_view> columns;  ///< parallel to the endpoint's `user_columns`
};

/// Gives users one by one, in any order. Used by one thread at a time; must not outlive its source.
class UserReader {
  public:
    UserReader() = default;
    virtual ~UserReader() = default;
    UserReader(const UserReader&) = delete;
    UserReader& operator=(const UserReader&) = delete;

    /// Precondition: n is from 1 to the source's size. Throws EnvironmentError.
    virtual const UserValues& read(std::uint32_t n) = 0;
};

/// Where a storm's users come from. Immutable and shared by all threads.
class UserSource {
  public:
    explicit UserSource(std::uint32_t size) : size_(size) {}
    virtual ~UserSource() = default;
    UserSource(const UserSource&) = delete;
    UserSource& operator=(const UserSource&) = delete;

    std::uint32_t size() const noexcept { return size_; }
    virtual std::unique_ptr<UserReader> reader() const = 0;
    /// The names of users 1 to `size()` in this order, each as it is stored in the service.
    virtual void for_each_name(const std::function<void(std::string_view)>& take) const = 0;
    /// For messages: "the user template 'u{n}'", "accounts.csv".
    virtual std::string where() const = 0;

  private:
    std::uint32_t size_;
};

/// The endpoint's users, `size` of them. A CSV file is read through once, up to the last of them,
/// and checked. Throws UsageError when it is none, has too few rows, or a name twice.
std::shared_ptr<const UserSource> make_user_source(const EndpointSpec& endpoint,
                                                   std::uint32_t size);

/// Users named by a template alone.
std::shared_ptr<const UserSource> make_template_users(const std::string& user_template,
                                                      std::uint32_t size);

/// The placeholders that the endpoint's users fill in besides `{user}` and `{n}`: the columns of
/// its CSV file. They view the endpoint.
std::vector<std::string_view> user_columns(const EndpointSpec& endpoint);

}  // namespace claimstorm
