#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace claimstorm {

/// What the world refuses. The text is one line for a person: what was wrong, where, what to do.
/// Caught in one place, cli/main.cpp, which prints it and exits with `exit_status()`.
class Error : public std::runtime_error {
  public:
    int exit_status() const noexcept { return exit_status_; }

  protected:
    Error(int exit_status, const std::string& message)
        : std::runtime_error(message), exit_status_(exit_status) {}

  private:
    int exit_status_;
};

/// Control characters written as "\n" and "\x1b": a file's bytes neither break a line nor reach a
/// terminal as commands.
std::string as_one_line(std::string_view text);

/// The user asked for something that cannot be: bad options, a bad scenario file. Exit status 2.
/// The message quotes what it is about as `as_one_line` does.
class UsageError : public Error {
  public:
    explicit UsageError(std::string_view message) : Error(2, as_one_line(message)) {}
};

/// The surroundings do not play along: a server down, a port taken, a full disk. Exit status 3.
class EnvironmentError : public Error {
  public:
    explicit EnvironmentError(const std::string& message) : Error(3, message) {}
};

/// The user pressed Ctrl-C or the process was told to end. Exit status 130.
class Interrupted : public Error {
  public:
    explicit Interrupted(const std::string& message) : Error(130, message) {}
};

}  // namespace claimstorm
