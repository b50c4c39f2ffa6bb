#include "lab/lab_record.h"

#include <nlohmann/json.hpp>

namespace claimstorm {
namespace {

using nlohmann::json;

constexpr const char* kFile = "lab.json";

json to_json(const ProcessIdentity& process) {
    return {{"pid", process.pid}, {"start_ticks", process.start_ticks}};
}

ProcessIdentity process_from(const json& value) {
    return {value.at("pid").get<pid_t>(), value.at("start_ticks").get<std::uint64_t>()};
}

}  // namespace

void write_record(const LabRecord& record) {
    json servers = json::array();
    for (const ProcessIdentity& server : record.servers) servers.push_back(to_json(server));
    const json document = {{"id", record.id},
                           {"holder", to_json(record.holder)},
                           {"kept", record.kept},
                           {"ready", record.ready},
                           {"started_at", record.started_at},
                           {"redis", record.redis_url},
                           {"mysql", record.mysql_url},
                           {"auditor", record.auditor_url},
                           {"servers", servers}};
    write_private_file(record.folder / kFile, document.dump(2) + "\n");
}

std::optional<LabRecord> read_record(const std::filesystem::path& folder) {
    try {
        const json document = json::parse(read_file_or_empty(folder / kFile));
        LabRecord record;
        record.folder = folder;
        record.id = document.at("id");
        record.holder = process_from(document.at("holder"));
        record.kept = document.at("kept");
        record.ready = document.at("ready");
        record.started_at = document.at("started_at");
        record.redis_url = document.at("redis");
        record.mysql_url = document.at("mysql");
        record.auditor_url = document.at("auditor");
        for (const json& server : document.at("servers")) {
            record.servers.push_back(process_from(server));
        }
        return record;
    } catch (const json::exception&) {
        return std::nullopt;
    }
}

}  // namespace claimstorm
