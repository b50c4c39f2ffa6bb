#pragma once

#include <utility>

namespace claimstorm::reference {

/// Does its work when the scope ends, however it ends; the work must not throw.
template <typename Work>
class AtScopeEnd {
  public:
    explicit AtScopeEnd(Work work) : work_(std::move(work)) {}
    ~AtScopeEnd() { work_(); }
    AtScopeEnd(const AtScopeEnd&) = delete;
    AtScopeEnd& operator=(const AtScopeEnd&) = delete;

  private:
    Work work_;
};

}  // namespace claimstorm::reference
