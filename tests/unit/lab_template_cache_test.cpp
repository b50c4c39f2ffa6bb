#include <unistd.h>

#include <catch2/catch.hpp>

#include "lab/template_cache.h"
#include "tests/unit/lab_test_support.h"

using namespace claimstorm;
namespace fs = std::filesystem;

namespace {

fs::path some_data(const test::TempFolder& folder) {
    fs::path data = folder.path() / "made";
    fs::create_directories(data / "mysql");
    write_private_file(data / "mysql" / "user.frm", "a table");
    return data;
}

}  // namespace

TEST_CASE("a template comes back as it was stored, under its own key alone") {
    test::TempFolder folder;
    const fs::path cache = folder.path() / "cache";
    const TemplateCache templates(cache, "10.11");
    CHECK_FALSE(templates.restore(folder.path() / "data"));
    templates.store(some_data(folder));
    REQUIRE(templates.restore(folder.path() / "data"));
    CHECK(read_file_or_empty(folder.path() / "data" / "mysql" / "user.frm") == "a table");
    CHECK_FALSE(TemplateCache(cache, "11.4").restore(folder.path() / "other"));
    CHECK_FALSE(fs::exists(folder.path() / "other"));
    templates.drop();
    CHECK_FALSE(templates.restore(folder.path() / "again"));
}

TEST_CASE("storing a template twice keeps one and leaves no half") {
    test::TempFolder folder;
    const fs::path cache = folder.path() / "cache";
    const TemplateCache templates(cache, "10.11");
    templates.store(some_data(folder));
    templates.store(some_data(folder));
    CHECK(std::distance(fs::directory_iterator(cache), fs::directory_iterator()) == 1);
}

TEST_CASE("what killed processes left unfinished in the cache is removed after a while") {
    test::TempFolder folder;
    const fs::path cache = folder.path() / "cache";
    fs::create_directories(cache / "unfinished-old");
    fs::create_directories(cache / "unfinished-new");
    fs::create_directories(cache / "somebody-elses");
    const auto hour_ago = fs::file_time_type::clock::now() - std::chrono::hours(1);
    fs::last_write_time(cache / "unfinished-old", hour_ago);
    fs::last_write_time(cache / "somebody-elses", hour_ago);
    TemplateCache(cache, "10.11").store(some_data(folder));
    CHECK_FALSE(fs::exists(cache / "unfinished-old"));
    CHECK(fs::exists(cache / "unfinished-new"));
    CHECK(fs::exists(cache / "somebody-elses"));
}

TEST_CASE("a cache that cannot be written to gives way to the fallback") {
    test::TempFolder folder;
    const fs::path fallback = folder.path() / "fallback";
    CHECK(template_cache_folder(folder.path() / "cache", fallback) == folder.path() / "cache");
    CHECK(template_cache_folder("/proc/nothing", fallback) == fallback);
    // Storing there fails quietly: a cache costs time, never a lab.
    const TemplateCache nowhere("/proc/nothing", "10.11");
    nowhere.store(some_data(folder));
    CHECK_FALSE(nowhere.restore(folder.path() / "data"));
}
