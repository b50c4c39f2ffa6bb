#include "lab/redis_server.h"

#include <memory>
#include <sys/time.h>

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include "lab/programs.h"

namespace claimstorm {
namespace {

constexpr timeval kPatience{1, 0};

struct FreeContext {
    void operator()(redisContext* context) const { redisFree(context); }
};
struct FreeReply {
    void operator()(void* reply) const { freeReplyObject(reply); }
};
using Context = std::unique_ptr<redisContext, FreeContext>;
using Reply = std::unique_ptr<void, FreeReply>;

bool accepted(const Reply& reply) {
    return reply && static_cast<const redisReply*>(reply.get())->type == REDIS_REPLY_STATUS;
}

bool redis_answers(std::uint16_t port, const std::string& password) {
    const Context context(redisConnectWithTimeout("127.0.0.1", port, kPatience));
    if (!context || context->err != 0) return false;
    redisSetTimeout(context.get(), kPatience);
    // Whoever else listens there does not know the password.
    const Reply auth(redisCommand(context.get(), "AUTH %s", password.c_str()));
    if (!accepted(auth)) return false;
    return accepted(Reply(redisCommand(context.get(), "PING")));
}

}  // namespace

ServerPlan redis_plan(const std::filesystem::path& program, const std::filesystem::path& folder,
                      const std::string& password, const std::vector<std::string>& options) {
    std::filesystem::create_directory(folder);
    ServerPlan plan;
    plan.name = program.filename();
    plan.log = folder / "redis.log";
    plan.launch = [program, folder, password, options, log = plan.log](std::uint16_t port) {
        // Only paths relative to the folder, which may hold any character. Nothing is saved: the
        // data goes with the lab, and a fork for a snapshot would disturb what is measured.
        write_private_file(folder / "redis.conf",
                           fmt::format("bind 127.0.0.1\n"
                                       "port {}\n"
                                       "requirepass {}\n"
                                       "daemonize no\n"
                                       "save \"\"\n"
                                       "appendonly no\n"
                                       "maxclients 10000\n"
                                       "tcp-backlog 4096\n"
                                       "{}\n",
                                       port, password, fmt::join(options, "\n")));
        ChildOptions child;
        child.argv = {program.string(), "redis.conf"};
        child.environment = server_environment(folder.parent_path());
        child.working_directory = folder;
        child.out = ToFile{log};
        child.err = ToFile{log};
        return child;
    };
    plan.answers = [password](std::uint16_t port) { return redis_answers(port, password); };
    return plan;
}

}  // namespace claimstorm
