#include "stores/prepare.h"

#include "model/text_template.h"

namespace claimstorm {

std::string Placeholders::fill(std::string_view text, std::string_view where) const {
    return TextTemplate(text, names, where).filled({values.begin(), values.end()});
}

std::vector<MysqlValue> BoundSql::values() const {
    std::vector<MysqlValue> values;
    for (const std::string& text : texts) values.emplace_back(std::string_view(text));
    return values;
}

BoundSql bind_sql(std::string_view sql, const Placeholders& placeholders, std::string_view where) {
    auto [text, order] = TextTemplate(sql, placeholders.names, where).marked("?");
    BoundSql bound{std::move(text), {}};
    for (const std::size_t index : order) bound.texts.push_back(placeholders.values[index]);
    return bound;
}

void run_step(MysqlConnection& mysql, const SqlStep& step, const Placeholders& placeholders) {
    const BoundSql bound = bind_sql(step.sql, placeholders, "prepare.sql");
    // Not every statement can be prepared (CREATE TRIGGER …); without values none needs to be.
    if (bound.texts.empty()) {
        mysql.execute_text(bound.sql);
    } else {
        mysql.execute(bound.sql, MysqlParams(bound.values()));
    }
}

void run_step(RedisConnection& redis, const RedisStep& step, const Placeholders& placeholders) {
    std::vector<std::string> words;
    for (const std::string& word : step.command) {
        words.push_back(placeholders.fill(word, "prepare.redis"));
    }
    const std::vector<std::string_view> views(words.begin(), words.end());
    redis.command(views);
}

}  // namespace claimstorm
