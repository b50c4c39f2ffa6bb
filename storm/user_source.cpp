#include "storm/user_source.h"

#include <array>
#include <charconv>

#include <fmt/format.h>

#include "model/text_template.h"
#include "storm/csv_users.h"

namespace claimstorm {
namespace {

class TemplateUsers final : public UserSource {
  public:
    TemplateUsers(const std::string& text, std::uint32_t size)
        : UserSource(size), text_(text), template_(text, {"n"}, "users.template") {}

    std::unique_ptr<UserReader> reader() const override { return std::make_unique<Reader>(*this); }

    void for_each_name(const std::function<void(std::string_view)>& take) const override {
        Reader reader(*this);
        for (std::uint32_t n = 1; n <= size(); ++n) take(reader.read(n).name);
    }

    std::string where() const override { return fmt::format("the user template '{}'", text_); }

  private:
    class Reader final : public UserReader {
      public:
        explicit Reader(const TemplateUsers& users) : users_(users) {}
        const UserValues& read(std::uint32_t n) override {
            std::array<char, 12> digits{};
            const auto [end, error] =
                std::to_chars(digits.data(), digits.data() + digits.size(), n);
            number_[0] = {digits.data(), static_cast<std::size_t>(end - digits.data())};
            name_.clear();
            users_.template_.append_to(name_, number_);
            values_.n = n;
            values_.name = name_;
            return values_;
        }

      private:
        const TemplateUsers& users_;
        std::vector<std::string_view> number_ = std::vector<std::string_view>(1);
        std::string name_;
        UserValues values_;
    };

    std::string text_;
    TextTemplate template_;
};

}  // namespace

std::shared_ptr<const UserSource> make_template_users(const std::string& user_template,
                                                      std::uint32_t size) {
    return std::make_shared<const TemplateUsers>(user_template, size);
}

std::shared_ptr<const UserSource> make_user_source(const EndpointSpec& endpoint,
                                                   std::uint32_t size) {
    if (endpoint.csv_users) return make_csv_users(*endpoint.csv_users, size);
    return make_template_users(endpoint.user_template, size);
}

std::vector<std::string_view> user_columns(const EndpointSpec& endpoint) {
    if (!endpoint.csv_users) return {};
    std::vector<std::string_view> columns;
    columns.reserve(endpoint.csv_users->columns.size());
    for (const std::string& column : endpoint.csv_users->columns) {
        if (column != "user") columns.emplace_back(column);
    }
    return columns;
}

}  // namespace claimstorm
