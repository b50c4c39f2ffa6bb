#pragma once

namespace claimstorm::test {

/// Whether a sanitizer watches this build. Everything is several times slower then, and memory is
/// kept for longer: races that hang on speed alone are not to be had.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

}  // namespace claimstorm::test
