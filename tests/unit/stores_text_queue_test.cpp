#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "stores/text_queue.h"

using namespace claimstorm;

namespace {

std::vector<std::string> take_all(TextQueue& queue) {
    std::vector<std::string> texts;
    for (TextBlock block = queue.take(); !block.empty(); block = queue.take()) {
        for (std::size_t i = 0; i < block.size(); ++i) texts.emplace_back(block[i]);
    }
    return texts;
}

}  // namespace

TEST_CASE("texts come out of the queue as they went in, empty ones and any bytes included") {
    std::vector<std::string> texts = {"", "u1", std::string("\0\n\xFF", 3), "",
                                      std::string(100'000, 'x')};
    for (int i = 0; i < 50'000; ++i) texts.push_back("user-" + std::to_string(i));
    TextQueue queue(std::size_t{1} << 20);
    std::thread reading([&] {
        for (const std::string& text : texts) queue.add(text);
        queue.finish();
    });
    CHECK(take_all(queue) == texts);
    reading.join();
    CHECK(queue.take().empty());
}

TEST_CASE("whoever reads waits for the one who takes rather than filling the memory") {
    TextQueue queue(1);  // the first block fills it
    const std::string block(70'000, 'x');
    REQUIRE(queue.add(block));
    std::thread reading([&] {
        queue.add(block);  // waits here until the first was taken
        queue.finish();
    });
    CHECK(queue.take()[0] == block);
    CHECK(queue.take()[0] == block);
    CHECK(queue.take().empty());
    reading.join();
}

TEST_CASE("what the reading failed with comes after the texts before it") {
    TextQueue queue(1000);
    REQUIRE(queue.add("u1"));
    queue.finish(std::make_exception_ptr(std::runtime_error("lost")));
    CHECK(queue.take()[0] == "u1");
    CHECK_THROWS_WITH(queue.take(), "lost");
}

TEST_CASE("reading ends when nobody takes any more, even while it waits") {
    TextQueue queue(1);
    REQUIRE(queue.add(std::string(70'000, 'x')));
    bool is_taken = true;
    std::thread reading([&] {
        while (is_taken) is_taken = queue.add(std::string(70'000, 'x'));
        queue.finish();
    });
    queue.leave();
    reading.join();
    CHECK_FALSE(is_taken);
}
