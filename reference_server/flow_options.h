#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace claimstorm::reference {

/// One `--option name=value` a flow understands.
struct OptionSpec {
    enum class Kind : std::uint8_t { duration, count, choice };

    std::string name;
    Kind kind = Kind::count;
    std::string default_value;
    std::string about;
    std::vector<std::string> choices;  ///< of a choice
    std::int64_t min = 0;              ///< of a count; nanoseconds of a duration
    std::int64_t max = 0;
};

/// A duration as model/units.h reads it ("500ms"), within the two limits.
OptionSpec duration_option(std::string name, std::string default_value, std::string about,
                           std::chrono::nanoseconds min, std::chrono::nanoseconds max);
/// A whole number ("10k" too), within the two limits.
OptionSpec count_option(std::string name, std::string default_value, std::string about,
                        std::int64_t min, std::int64_t max);
/// One of a few words.
OptionSpec choice_option(std::string name, std::string default_value, std::string about,
                         std::vector<std::string> choices);

/// A flow's options, all with a value.
class FlowOptions {
  public:
    /// Reads "name=value" texts against the flow's specs; later ones win, missing ones take the
    /// default. Throws UsageError with what is allowed and, where near, what was meant.
    FlowOptions(std::string_view flow, std::vector<OptionSpec> specs,
                const std::vector<std::string>& given);

    // Precondition of all three: the flow's specs have that name with that kind.
    std::chrono::nanoseconds duration(std::string_view name) const;
    std::int64_t count(std::string_view name) const;
    const std::string& choice(std::string_view name) const;

  private:
    const OptionSpec& spec(std::string_view name) const;
    void set(const OptionSpec& spec, std::string_view value);

    std::string flow_;
    std::vector<OptionSpec> specs_;
    std::map<std::string, std::int64_t, std::less<>> numbers_;
    std::map<std::string, std::string, std::less<>> words_;
};

}  // namespace claimstorm::reference
