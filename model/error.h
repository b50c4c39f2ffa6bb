#pragma once

#include <stdexcept>
#include <string>

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

/// The user asked for something that cannot be: bad options, a bad scenario file. Exit status 2.
class UsageError : public Error {
  public:
    explicit UsageError(const std::string& message) : Error(2, message) {}
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
