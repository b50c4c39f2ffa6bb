#pragma once

#include <string>

#include "scenarios/probe.h"

namespace claimstorm {

/// The probe for a person. What a service sent is shown with whatever does not print escaped.
std::string probe_text(const Probe& probe);

/// The probe for a program: one JSON object.
std::string probe_json(const Probe& probe);

}  // namespace claimstorm
