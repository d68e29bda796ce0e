#include "submit/job_request.h"

#include <algorithm>

#include "common/base/error.h"
#include "common/base/units.h"

namespace tilepool {
namespace {

constexpr std::int64_t kUsualTime = 8 * std::int64_t{3600};
constexpr int kUsualCpusPerTask = 4;

/// " of partition NAME"; nothing for an assumed one without a name.
std::string of_partition(const NodeGroup& nodes) {
  return nodes.partition.empty() ? "" : " of partition " + nodes.partition;
}

/// A rank's limit and a tenth for what no rank accounts for: mpirun, the script, page tables.
std::size_t node_memory_for(std::size_t host_per_rank, int ranks) {
  return (host_per_rank + host_per_rank / 10) * static_cast<std::size_t>(ranks);
}

std::string describe(const NodeGroup& group) {
  return fmt::format("\n  {}{}: {} nodes of {} cores, {}, {} GPUs, time limit {}", group.partition,
                     group.is_default ? " (default)" : "", group.nodes, group.cores,
                     format_bytes(group.memory_bytes), group.gpus,
                     group.time_limit_s ? format_slurm_time(*group.time_limit_s) : "none");
}

[[noreturn]] void fail_nothing_fits(const JobWish& wish, const std::vector<NodeGroup>& cluster) {
  std::string list;
  for (const NodeGroup& group : cluster) list += describe(group);
  fail(ErrorCode::kUsage, "{} {} nodes with {} GPUs each that take jobs; there is:{}",
       wish.partition.empty() ? "no partition has"
                              : fmt::format("partition {} does not have", wish.partition),
       wish.nodes, wish.gpus_per_node, list.empty() ? " nothing" : list);
}

/// The nodes of one partition that the job would get: the largest first, so that the smallest of
/// those needed counts. nodes = 0 when there are too few.
NodeGroup nodes_of(const std::string& partition, const JobWish& wish,
                   const std::vector<NodeGroup>& cluster) {
  std::vector<NodeGroup> groups;
  for (const NodeGroup& group : cluster)
    if (group.partition == partition && group.gpus >= wish.gpus_per_node) groups.push_back(group);
  std::stable_sort(groups.begin(), groups.end(), [](const NodeGroup& a, const NodeGroup& b) {
    return std::pair(a.cores, a.memory_bytes) > std::pair(b.cores, b.memory_bytes);
  });
  NodeGroup all;
  for (const NodeGroup& group : groups) {
    const int nodes = all.nodes + group.nodes;
    if (all.nodes == 0) all = group;
    all.nodes = nodes;
    all.cores = std::min(all.cores, group.cores);
    all.memory_bytes = std::min(all.memory_bytes, group.memory_bytes);
    all.gpus = std::max(all.gpus, group.gpus);  // the share of a GPU is the smaller one
    if (all.nodes >= wish.nodes) return all;
  }
  return {};
}

NodeGroup choose_nodes(const JobWish& wish, const std::vector<NodeGroup>& cluster) {
  std::vector<std::string> partitions;
  for (const NodeGroup& group : cluster) {
    const bool wanted = wish.partition.empty() || wish.partition == group.partition;
    if (wanted)
      partitions.insert(group.is_default ? partitions.begin() : partitions.end(), group.partition);
  }
  for (const std::string& partition : partitions)
    if (NodeGroup nodes = nodes_of(partition, wish, cluster); nodes.nodes > 0) return nodes;
  fail_nothing_fits(wish, cluster);
}

std::int64_t choose_time(const JobWish& wish, const NodeGroup& nodes) {
  if (wish.time.empty()) return std::min(nodes.time_limit_s.value_or(kUsualTime), kUsualTime);
  const auto time = parse_slurm_time(wish.time);
  check(time && *time >= 60, ErrorCode::kUsage,
        "--time: {} is no time of at least a minute; write minutes, hh:mm:ss or days-hh:mm:ss",
        wish.time);
  check(!nodes.time_limit_s || *time <= *nodes.time_limit_s, ErrorCode::kUsage,
        "--time: {} is more than the limit{}, {}; a shorter job goes back into the "
        "queue by itself until the run is done",
        wish.time, of_partition(nodes), format_slurm_time(nodes.time_limit_s.value_or(0)));
  return *time;
}

void choose_ranks_with_gpus(const JobWish& wish, const NodeGroup& nodes, JobRequest& job) {
  check(!wish.ranks_per_node, ErrorCode::kUsage,
        "--ranks-per-node: with GPUs there is a rank for each; leave it out");
  job.tasks_per_node = wish.gpus_per_node + 1;
  const int cores = nodes.cores * wish.gpus_per_node / nodes.gpus;
  job.cpus_per_task = wish.cpus_per_task.value_or(std::max(1, cores / job.tasks_per_node));
}

/// As many ranks as the node has cores and memory for.
void choose_ranks(const JobWish& wish, const Options& options, const NodeGroup& nodes,
                  JobRequest& job) {
  const auto readers = static_cast<int>(options.workers.readers);
  const int usual = readers < 0 ? std::min(kUsualCpusPerTask, nodes.cores) : std::max(1, readers);
  job.cpus_per_task = wish.cpus_per_task.value_or(usual);
  int most = std::max(1, nodes.cores / job.cpus_per_task);
  if (const auto per_rank = options.memory.host_per_rank)
    while (most > 1 && node_memory_for(*per_rank, most) > nodes.memory_bytes) --most;
  job.tasks_per_node = wish.ranks_per_node.value_or(most);
}

std::size_t choose_memory(const JobWish& wish, const Options& options, const NodeGroup& nodes,
                          const JobRequest& job) {
  if (!wish.memory.empty()) {
    const auto memory = parse_slurm_memory(wish.memory);
    check(memory && *memory >= kMiB, ErrorCode::kUsage,
          "--mem: {} is no size; write megabytes, or a number with M, G or T", wish.memory);
    return *memory;
  }
  if (options.memory.host_per_rank)
    return node_memory_for(*options.memory.host_per_rank, job.tasks_per_node);
  // The share that goes with the cores.
  const int cores = std::min(nodes.cores, job.tasks_per_node * job.cpus_per_task);
  return nodes.memory_bytes / static_cast<std::size_t>(nodes.cores) *
         static_cast<std::size_t>(cores);
}

void check_against_node(const JobRequest& job, const NodeGroup& nodes) {
  check(job.tasks_per_node * job.cpus_per_task <= nodes.cores, ErrorCode::kUsage,
        "{} ranks of {} cores are more than the {} cores of a node{}; give fewer "
        "--ranks-per-node or --cpus-per-task",
        job.tasks_per_node, job.cpus_per_task, nodes.cores, of_partition(nodes));
  check(job.memory_per_node_bytes <= nodes.memory_bytes, ErrorCode::kUsage,
        "{} for {} ranks are more than the {} of a node{}; lower --mem, "
        "--ranks-per-node or /memory/host_per_rank",
        format_bytes(job.memory_per_node_bytes), job.tasks_per_node,
        format_bytes(nodes.memory_bytes), of_partition(nodes));
}

void check_against_config(const JobWish& wish, const Options& options, const JobRequest& job) {
  check(options.workers.device != Device::kCuda || wish.gpus_per_node > 0, ErrorCode::kConfig,
        "/workers/device is cuda: give --gpus-per-node of at least 1");
  check(options.workers.device != Device::kCpu || wish.gpus_per_node == 0, ErrorCode::kConfig,
        "/workers/device is cpu: the GPUs would idle; give --gpus-per-node 0");
  const auto per_rank = options.memory.host_per_rank;
  check(!per_rank || node_memory_for(*per_rank, job.tasks_per_node) <= job.memory_per_node_bytes,
        ErrorCode::kConfig,
        "{} ranks of /memory/host_per_rank {} need {} on each node, a tenth more than the sum, but "
        "--mem is {}",
        job.tasks_per_node, format_bytes(per_rank.value_or(0)),
        format_bytes(node_memory_for(per_rank.value_or(0), job.tasks_per_node)),
        format_bytes(job.memory_per_node_bytes));
}

}  // namespace

std::vector<NodeGroup> assumed_cluster(const JobWish& wish) {
  const int ranks =
      wish.gpus_per_node > 0 ? wish.gpus_per_node + 1 : wish.ranks_per_node.value_or(1);
  return {{.partition = wish.partition,
           .nodes = wish.nodes,
           .cores = std::max(16, ranks * wish.cpus_per_task.value_or(1)),
           .memory_bytes = std::max(64 * kGiB, parse_slurm_memory(wish.memory).value_or(0)),
           .gpus = wish.gpus_per_node,
           .time_limit_s = std::nullopt}};
}

JobRequest fit_job(const JobWish& wish, const Options& options,
                   const std::vector<NodeGroup>& cluster) {
  const NodeGroup nodes = choose_nodes(wish, cluster);
  JobRequest job;
  job.nodes = wish.nodes;
  job.gpus_per_node = wish.gpus_per_node;
  if (wish.gpus_per_node > 0)
    choose_ranks_with_gpus(wish, nodes, job);
  else
    choose_ranks(wish, options, nodes, job);
  job.memory_per_node_bytes = choose_memory(wish, options, nodes, job);
  job.time_s = choose_time(wish, nodes);
  if (!nodes.is_default) job.partition = nodes.partition;
  job.account = wish.account;
  check_against_node(job, nodes);
  check_against_config(wish, options, job);
  return job;
}

}  // namespace tilepool
