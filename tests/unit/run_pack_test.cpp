#include <algorithm>
#include <cmath>
#include <csignal>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "common/base/error.h"
#include "common/hdf5/file.h"
#include "common/run/pack_share.h"
#include "common/run/range_file.h"
#include "common/run/results.h"
#include "common/run/results_reader.h"
#include "mpi/pack_fixture.h"
#include "support/error_of.h"
#include "support/run_python.h"

namespace tilepool {
namespace {

using testing::error_of;
using testing::FakeRun;
using testing::TempFolder;

void expect_equal(const std::filesystem::path& a, const std::filesystem::path& b) {
  EXPECT_EQ(testing::differences(a, b), std::vector<std::string>{});
  EXPECT_EQ(testing::h5diff(a, b), 0);
}

TEST(PackShare, EveryRowBelongsToOneRankAndChunksAreWhole) {
  for (const std::uint64_t rows : {0u, 1u, 9u, 10u, 11u, 95u, 100u, 1000u}) {
    for (const std::uint64_t ranks : {1u, 2u, 3u, 7u, 64u}) {
      for (const std::uint64_t block : {1u, 10u, 25u, 1000u}) {
        std::uint64_t next = 0;
        for (std::uint64_t rank = 0; rank < ranks; ++rank) {
          const PackShare share = pack_share(rows, 10, block, rank, ranks);
          EXPECT_EQ(share.rounds, pack_share(rows, 10, block, 0, ranks).rounds);
          for (std::uint64_t round = 0; round < share.rounds; ++round) {
            if (share.count(round) == 0) continue;
            EXPECT_EQ(share.begin(round), next);
            EXPECT_EQ(share.begin(round) % 10, 0u);
            EXPECT_LE(share.count(round), std::max<std::uint64_t>(10, block));
            next += share.count(round);
          }
          EXPECT_EQ(share.end, std::max(next, share.first));
        }
        EXPECT_EQ(next, rows);
      }
    }
  }
}

/// h5py joins the range files by itself, in sample order, and compares every column.
constexpr char kJoin[] = R"(
import sys, os, struct, h5py, numpy as np
run, results = sys.argv[1:3]
f, p = h5py.File(results, 'r'), h5py.File(run + '/plan.h5', 'r')
cumsum = lambda v: np.concatenate([[0], np.cumsum(np.asarray(v, dtype='i8'))]).astype('i8')
text = lambda v: v.decode() if isinstance(v, bytes) else str(v)
assert text(f.attrs['format']) == 'tilepool-results' and text(f.attrs['format_version']) == '1.0'
assert f.attrs['complete'] == 1 and f.attrs['seed'] == 42 and f.attrs['seed'].dtype == 'u8'
assert text(f.attrs['config']) == '{"tiles": {}}' and text(f.attrs['pipeline_id']) == 'pipeline'
assert text(f.attrs['job_id']) == text(p.attrs['job_id']) and text(f.attrs['tilepool_version'])
kinds = {'pool/slide': 'u4', 'pool/x': 'i8', 'pool/y': 'i8', 'pool/w': 'i4', 'pool/h': 'i4',
         'pool/tissue_fraction': 'f4', 'pool/key': 'u8', 'sample/pool': 'u8', 'sample/status': 'u1',
         'sample/n_cells': 'u4', 'sample/cell_begin': 'u8', 'cells/sample': 'u8',
         'cells/slide': 'u4', 'cells/class': 'u1', 'cells/x': 'f8', 'cells/y': 'f8',
         'cells/area_um2': 'f4', 'cells/solidity': 'f4', 'cells/uid': 'u8',
         'cells/contour_begin': 'u8', 'contours/x': 'f4', 'contours/y': 'f4',
         'features/mean_grey': 'f4', 'slides/width': 'i8', 'slides/mpp_x': 'f8',
         'slides/n_done': 'i8', 'slides/n_failed': 'i8', 'slides/n_cells': 'i8'}
for name, kind in kinds.items():
    assert f[name].dtype == '<' + kind or f[name].dtype == kind, (name, f[name].dtype)
def walk(name, item):
    if isinstance(item, h5py.Dataset):
        info = h5py.check_string_dtype(item.dtype)
        assert info is None or info.length is not None, name + ' is of variable length'
        assert len(item.shape) == 1, name
f.visititems(walk)
for name in p['pool']:
    assert (f['pool/' + name][:] == p['pool/' + name][:]).all(), name
n = len(p['sample/pool'])
assert (f['sample/pool'][:] == p['sample/pool'][:]).all()
rows = {}
for name in sorted(os.listdir(run + '/ranges')):
    r = h5py.File(run + '/ranges/' + name, 'r')
    t = {k: r['tiles/' + k][:] for k in r['tiles']}
    cb, pb = cumsum(t['n_cells']), cumsum(t['n_points'])
    for i in range(len(t['x'])):
        key = (t['slide'][i], t['y'][i], t['x'][i])
        if key not in rows or (rows[key][0]['status'][rows[key][1]] == 2 and t['status'][i] == 1):
            rows[key] = (t, i, r, cb, pb)
pool = {k: p['pool/' + k][:] for k in ('slide', 'x', 'y')}
took = [rows[(pool['slide'][j], pool['y'][j], pool['x'][j])] for j in p['sample/pool'][:]]
counts = np.array([t['n_cells'][i] for t, i, *_ in took], dtype='u4')
status = np.array([t['status'][i] for t, i, *_ in took], dtype='u1')
assert (f['sample/n_cells'][:] == counts).all() and (f['sample/status'][:] == status).all()
assert (f['sample/cell_begin'][:] == cumsum(counts)).all()
def join(name, begins):
    parts = [r[name][b[i]:b[i + 1]] for (t, i, r, b) in
             ((t, i, r, cb if begins == 'cells' else pb) for t, i, r, cb, pb in took)]
    return np.concatenate(parts) if parts else np.zeros(0)
same = lambda a, b: len(a) == len(b) and ((a == b) | ((a != a) & (b != b))).all()
for name in ('x', 'y', 'class', 'area_um2', 'solidity'):
    assert same(f['cells/' + name][:], join('cells/' + name, 'cells')), name
for name in ('x', 'y'):
    assert same(f['contours/' + name][:], join('contours/' + name, 'points')), name
size = join('cells/contour_size', 'cells')
assert (f['cells/contour_begin'][:] == cumsum(size)).all()
grey = np.array([r['features/mean_grey'][i] for t, i, r, *_ in took], dtype='f4')
assert same(f['features/mean_grey'][:], grey)
assert text(f['features/mean_grey'].attrs['axis']) == '/sample'
sample = np.repeat(np.arange(n), counts)
assert (f['cells/sample'][:] == sample).all()
slide = pool['slide'][p['sample/pool'][:]][sample] if n else np.zeros(0)
assert (f['cells/slide'][:] == slide).all()
assert text(f['cells/area_um2'].attrs['unit']) == 'um^2' and text(f['cells/area_um2'].attrs['description']) == 'Area.'
failed = np.flatnonzero(status == 2)
assert (f['failures/sample'][:] == failed).all()
for k, j in enumerate(failed):
    t, i, *_ = took[j]
    assert t['reason'][i].startswith(f['failures/reason'][k]) and f['failures/reason'][k]
ids, names = [text(s) for s in f['slides/id'][:]], [text(s) for s in f['classes/name'][:]]
assert names == ['nucleus', 'mk'] and [text(s) for s in p['slides/id'][:]] == ids
per = lambda v: [int(v[pool['slide'][p['sample/pool'][:]] == s].sum()) if n else 0 for s in range(len(ids))]
assert list(f['slides/n_cells'][:]) == per(counts)
assert list(f['slides/n_done'][:]) == per((status == 1).astype(int))
assert list(f['slides/n_failed'][:]) == per((status == 2).astype(int))
for state, reason in zip(f['slides/status'][:], f['slides/reason'][:]):
    assert state == b'success' or (state in (b'failed', b'skipped') and reason), (state, reason)
try:
    import xxhash
except ImportError:
    sys.exit(0)
away = lambda v: int(np.floor(v * 16 + 0.5))
uid = [xxhash.xxh64(ids[s].encode() + b'\0' + names[c].encode() + b'\0' + struct.pack('<qq', away(x), away(y)), seed=0).intdigest()
       for s, c, x, y in zip(f['cells/slide'][:5000], f['cells/class'][:5000], f['cells/x'][:5000], f['cells/y'][:5000])]
assert (f['cells/uid'][:5000] == np.array(uid, dtype='u8')).all()
)";

void expect_python_agrees(const FakeRun& run, const std::filesystem::path& results) {
  TILEPOOL_EXPECT_PYTHON(kJoin, run.root.string() + " " + results.string());
}

TEST(PackResults, PythonAgrees) {
  const TempFolder folder;
  FakeRun run{folder.path()};
  run.write_plan();
  run.write_ranges(7);
  const auto target = folder.path() / "a.h5";
  testing::pack_alone(run, testing::fake_job(run, Codec::kGzip, 1 << 20), target);
  EXPECT_EQ(h5::open_objects(), 0u);
  expect_python_agrees(run, target);
}

TEST(PackResults, RangeBoundariesBlocksAndCodecsDoNotShow) {
  const TempFolder folder;
  FakeRun run{folder.path() / "a"};
  run.cells_per_tile = 5000;  // several chunks of cells and of contours
  run.points_per_cell = 10;
  run.write_plan();
  run.write_ranges(run.sample_size());
  const auto whole = folder.path() / "whole.h5";
  testing::pack_alone(run, testing::fake_job(run, Codec::kGzip, 64 << 20), whole);
  ASSERT_GT(h5::File::open(whole).open_dataset("cells/x").rows(), 2 * 65536u);
  ASSERT_GT(h5::File::open(whole).open_dataset("contours/x").rows(), 2 * 262144u);
  FakeRun other = run;
  other.root = folder.path() / "b";
  other.write_plan();
  other.write_ranges(1);
  const auto pieces = folder.path() / "pieces.h5";
  testing::pack_alone(other, testing::fake_job(other, Codec::kGzip, 1), pieces);
  expect_equal(whole, pieces);
  for (const Codec codec : {Codec::kNone, Codec::kLz4}) {
    const auto target = folder.path() / "codec.h5";
    testing::pack_alone(other, testing::fake_job(other, codec, 1 << 20), target);
    EXPECT_EQ(testing::differences(whole, target), std::vector<std::string>{});
  }
}

TEST(PackResults, GrownSampleWithOverlapsAndForeignTiles) {
  const TempFolder folder;
  FakeRun small{folder.path() / "a"};
  small.step = 4;
  small.write_plan();
  small.write_ranges(5);
  FakeRun grown = small;
  grown.step = 2;
  grown.generation = 1;
  grown.write_plan();
  // The new plan's ranges repeat some tiles of the old ones and overlap each other.
  grown.write_ranges(7);
  grown.write_range(3, 20);
  const auto target = folder.path() / "grown.h5";
  testing::pack_alone(grown, testing::fake_job(grown, Codec::kGzip, 1 << 20), target);
  expect_python_agrees(grown, target);
  FakeRun fresh = grown;
  fresh.root = folder.path() / "b";
  fresh.write_plan();
  fresh.write_ranges(11);
  const auto expected = folder.path() / "fresh.h5";
  testing::pack_alone(fresh, testing::fake_job(fresh, Codec::kGzip, 1 << 20), expected);
  expect_equal(target, expected);
  // Tiles of the larger sample stand in the folder, but the smaller plan has no use for them.
  FakeRun shrunk = grown;
  shrunk.step = 4;
  shrunk.write_plan();
  const auto again = folder.path() / "shrunk.h5";
  testing::pack_alone(shrunk, testing::fake_job(shrunk, Codec::kGzip, 1 << 20), again);
  expect_python_agrees(shrunk, again);
}

TEST(PackResults, ARunWithoutTilesOrWithoutCells) {
  const TempFolder folder;
  FakeRun empty{folder.path() / "a"};
  empty.tiles_per_slide = 0;
  empty.write_plan();
  FakeRun bare{folder.path() / "b"};
  bare.cells_per_tile = 0;
  bare.write_plan();
  bare.write_ranges(9);
  for (const Codec codec : {Codec::kNone, Codec::kGzip, Codec::kLz4}) {
    const auto a = folder.path() / "a.h5";
    testing::pack_alone(empty, testing::fake_job(empty, codec, 1 << 20), a);
    EXPECT_EQ(h5::File::open(a).open_dataset("cells/contour_begin").rows(), 1u);
    EXPECT_EQ(h5::File::open(a).open_dataset("sample/cell_begin").rows(), 1u);
    EXPECT_EQ(h5::File::open(a).open_dataset("pool/x").rows(), 0u);
    EXPECT_EQ(testing::h5diff(a, a), 0);
    const auto b = folder.path() / "b.h5";
    testing::pack_alone(bare, testing::fake_job(bare, codec, 1 << 20), b);
    EXPECT_EQ(h5::File::open(b).open_dataset("cells/x").rows(), 0u);
    if (codec == Codec::kLz4) continue;  // Python has no filter for it
    expect_python_agrees(bare, b);
  }
}

TEST(PackResults, TheComparisonFindsOneChangedValue) {
  const TempFolder folder;
  FakeRun run{folder.path()};
  run.write_plan();
  run.write_ranges(10);
  const auto a = folder.path() / "a.h5";
  const auto b = folder.path() / "b.h5";
  testing::pack_alone(run, testing::fake_job(run, Codec::kGzip, 1 << 20), a);
  std::filesystem::copy_file(a, b);
  expect_equal(a, b);
  h5::File file = h5::File::open_to_write(b);
  const std::vector<float> value = {-1};
  file.open_dataset("contours/y").write(17, std::span<const float>(value));
  file.set("telemetry", 1);
  file.close();
  EXPECT_NE(testing::differences(a, b), std::vector<std::string>{});
  EXPECT_NE(testing::h5diff(a, b), 0);
}

TEST(PackResults, AFullDiskIsToldAndLeavesNothing) {
  const TempFolder folder;
  FakeRun run{folder.path()};
  run.write_plan();
  run.write_ranges(10);
  const auto job = testing::fake_job(run, Codec::kNone, 1 << 20);
  const auto index = folder.path() / "index.h5";
  (void)write_pack_index(run.layout(), job.schema, index);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  for (const rlim_t limit : {rlim_t{0}, rlim_t{1000}, rlim_t{60000}, rlim_t{150000}}) {
    Budget budget(64 << 20);
    const rlimit small{limit, old.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    const Error error = error_of([&] { pack_results(job, index, {}, std::nullopt, budget); });
    ::setrlimit(RLIMIT_FSIZE, &old);
    EXPECT_EQ(error.code(), ErrorCode::kIo) << error.what();
    EXPECT_NE(std::string(error.what()).find("File too large"), std::string::npos) << error.what();
    EXPECT_FALSE(std::filesystem::exists(packing_path(run.layout())));
    EXPECT_EQ(h5::open_objects(), 0u);
    EXPECT_EQ(budget.used_bytes(), 0u);
  }
}

TEST(PackResults, TasksWithoutCellsHaveNoCellTables) {
  const TempFolder folder;
  FakeRun run{folder.path()};
  run.cells_per_tile = 0;
  run.failures = false;
  run.write_plan();
  PackJob job = testing::fake_job(run, Codec::kGzip, 1 << 20);
  job.schema.items = Items::kNone;
  job.schema.cell_features.clear();
  job.class_names.clear();
  RangeResult range;
  range.pipeline_id = "pipeline";
  for (std::uint64_t i = 0; i < run.sample_size(); ++i) {
    const PoolTile tile = run.tile(run.pool_row(i));
    append_tile(range, {tile.slide, tile.x, tile.y}, run.result(tile));
  }
  write_range(run.layout().range_file(0, 0, run.sample_size() - 1), job.schema, range);
  const auto target = folder.path() / "a.h5";
  testing::pack_alone(run, job, target);
  const h5::File file = h5::File::open(target);
  EXPECT_EQ(file.names(""),
            (std::vector<std::string>{"features", "pool", "sample", "slides", "telemetry"}));
  EXPECT_EQ(file.read_column<float>("features/mean_grey").size(), run.sample_size());
  const std::string output = folder.path().string() + "/h5diff.txt";
  const std::string paths = target.string() + " " + target.string();
  EXPECT_EQ(testing::run_command("h5diff --exclude-path /telemetry " + paths + " > " + output), 0);
  EXPECT_EQ(std::filesystem::file_size(output), 0u) << "h5diff prints nothing";
}

/// docs/format.md names every dataset and attribute, and its example runs.
TEST(FormatDocument, IsCompleteAndItsExampleRuns) {
  const TempFolder folder;
  FakeRun run{folder.path()};
  run.write_plan();
  run.write_ranges(10);
  testing::pack_alone(run, testing::fake_job(run, Codec::kGzip, 1 << 20), run.layout().results());
  TILEPOOL_EXPECT_PYTHON(R"(
import glob, os, re, sys, h5py
run, document = sys.argv[1], open(sys.argv[2]).read()
made_up = {'mean_grey', 'solidity', 'area_um2', 'peak_bytes', 'host', 'run_uuid', 'wall_s'}
known = set(re.findall(r'[A-Za-z_0-9.]+', ' '.join(re.findall(r'`([^`\n]+)`', document)))) | made_up
unknown = set()
def look(name, item):
    unknown.update(set(name.split('/')) - known, set(item.attrs) - known)
for path in [run + '/results.h5', run + '/plan.h5', *glob.glob(run + '/ranges/*.h5')]:
    with h5py.File(path, 'r') as f:
        unknown.update(set(f.attrs) - known)
        f.visititems(look)
assert not unknown, f'docs/format.md does not name {sorted(unknown)}'
try:
    import matplotlib
except ImportError:
    sys.exit(77)
example, = re.findall(r'```python\n(.*?)```', document, re.S)
first, rest = example.split('\n', 1)
assert first.startswith('run = '), first
os.chdir(run)
exec('run = %r\n' % run + rest)
assert os.path.getsize('cells.png') > 10000
)",
                         run.root.string() + " " + TILEPOOL_SOURCE_DIR + "/docs/format.md");
}

TEST(PackIndex, MissingAndDamagedAreTold) {
  const TempFolder folder;
  FakeRun run{folder.path()};
  run.write_plan();
  run.write_ranges(10);
  std::filesystem::remove(run.layout().range_file(0, 20, 29));
  std::filesystem::resize_file(run.layout().range_file(0, 0, 9), 3000);
  h5::File alien = h5::File::create(run.layout().ranges_dir() / "zzz.h5");
  alien.close();
  std::ofstream(run.layout().ranges_dir() / ".half.h5.tmp-1-2") << "half";
  {  // one bit of one coordinate
    const auto path = run.layout().range_file(0, 10, 19);
    const auto at = static_cast<std::streamoff>(
        H5Dget_offset(h5::File::open(path).open_dataset("contours/x").id()));
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(at);
    const char byte = static_cast<char>(file.get());
    file.seekp(at);
    file.put(static_cast<char>(byte ^ 4));
  }
  const auto index = folder.path() / "index.h5";
  Budget budget(1 << 20);
  const PackIndexSummary summary =
      write_pack_index(run.layout(), testing::fake_schema(), index, &budget);
  EXPECT_EQ(summary.samples, 60u);
  EXPECT_EQ(summary.missing, 30u);
  ASSERT_EQ(summary.damaged.size(), 3u);
  EXPECT_NE(summary.damaged[1].find("checksum"), std::string::npos) << summary.damaged[1];
  EXPECT_NE(summary.damaged[2].find("zzz.h5"), std::string::npos) << summary.damaged[2];
  EXPECT_EQ(budget.used_bytes(), 0u);
  EXPECT_LE(budget.peak_bytes(), 60u * 40);
  const auto job = testing::fake_job(run, Codec::kNone, 1 << 20);
  EXPECT_EQ(error_of([&] { pack_results(job, index, {}, std::nullopt, budget); }).code(),
            ErrorCode::kBudget);
  Budget large(64 << 20);
  EXPECT_NE(std::string(error_of([&] { pack_results(job, index, {}, std::nullopt, large); }).what())
                .find("30 sampled tiles"),
            std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(packing_path(run.layout()))) << "nothing half-made is left";
}

TEST(PackIndex, DoneReplacesFailed) {
  const TempFolder folder;
  FakeRun failing{folder.path()};
  failing.write_plan();
  failing.write_ranges(10);
  FakeRun healed = failing;
  healed.failures = false;
  healed.generation = 1;
  healed.write_range(20, 15);  // the second slide's entries are 20..39
  const auto index = folder.path() / "index.h5";
  const auto before = write_pack_index(failing.layout(), testing::fake_schema(), index);
  EXPECT_GE(before.failed, 5u);
  const auto slides = final_slides(failing.layout(), index, Items::kCells);
  ASSERT_EQ(slides.size(), 5u);
  EXPECT_EQ(slides[1].status, "success");
  EXPECT_EQ(slides[1].n_done, 15);
  EXPECT_EQ(slides[1].n_failed, 5);
  EXPECT_EQ(slides[1].reason.substr(0, 38), "5 of 20 sampled tiles failed: tile at ");
  EXPECT_GT(slides[1].n_cells, 0);
  EXPECT_GT(slides[1].seconds, 0);
}

TEST(FinalSlides, AllFailedIsFailedAndTheRestStands) {
  const TempFolder folder;
  FakeRun run{folder.path()};
  run.write_plan();
  run.write_ranges(10);
  const auto index = folder.path() / "index.h5";
  const auto summary = write_pack_index(run.layout(), testing::fake_schema(), index);
  const auto slides = final_slides(run.layout(), index, Items::kCells);
  ASSERT_EQ(slides.size(), 5u);
  EXPECT_EQ(slides[0].status, "success");
  EXPECT_EQ(slides[1].status, "failed");
  EXPECT_EQ(slides[1].reason.substr(0, 40), "all 20 sampled tiles failed: tile at (0,");
  EXPECT_LE(slides[1].reason.size(), 300u) << "reasons are cut";
  EXPECT_EQ(slides[2].status, "success");
  EXPECT_EQ(slides[3].status, "skipped");
  EXPECT_EQ(slides[3].reason, "no tissue");
  EXPECT_EQ(slides[4].status, "failed");
  std::int64_t done = 0, failed = 0, cells = 0;
  for (const FinalSlide& slide : slides) {
    done += slide.n_done;
    failed += slide.n_failed;
    cells += slide.n_cells;
    EXPECT_EQ(slide.n_done + slide.n_failed, slide.plan.n_sample);
  }
  EXPECT_EQ(failed, static_cast<std::int64_t>(summary.failed));
  EXPECT_EQ(done + failed, 60);
  EXPECT_EQ(cells, static_cast<std::int64_t>(summary.cells));
}

TEST(ResultsJobId, OnlyOfACompleteFile) {
  const TempFolder folder;
  FakeRun run{folder.path()};
  run.write_plan();
  run.write_ranges(10);
  const auto target = folder.path() / "a.h5";
  testing::pack_alone(run, testing::fake_job(run, Codec::kNone, 1 << 20), target);
  EXPECT_EQ(results_job_id(target), "job-2");
  EXPECT_EQ(results_job_id(folder.path() / "none.h5"), "");
  std::ofstream(folder.path() / "bad.h5") << "bad";
  EXPECT_EQ(results_job_id(folder.path() / "bad.h5"), "");
  h5::File file = h5::File::open_to_write(target);
  file.set("complete", std::uint8_t{0});
  file.close();
  EXPECT_EQ(results_job_id(target), "");
}

TEST(ResultsReader, ReadsWhatWasPackedByPieces) {
  const TempFolder folder;
  FakeRun run{folder.path()};
  run.write_plan();
  run.write_ranges(10);
  const auto target = folder.path() / "a.h5";
  testing::pack_alone(run, testing::fake_job(run, Codec::kLz4, 1 << 20), target);
  {
    const ResultsReader reader(target);
    EXPECT_EQ(reader.job_id(), "job-2");
    EXPECT_EQ(reader.pipeline_id(), "pipeline");
    ASSERT_EQ(reader.slides().size(), 5U);
    EXPECT_EQ(reader.n_sample(), run.sample_size());
    ASSERT_TRUE(reader.has_cells());
    std::vector<std::string> features;
    for (const FeatureSpec& one : reader.cell_features()) {
      features.push_back(one.name);
      EXPECT_FALSE(one.unit.empty());
    }
    EXPECT_EQ(features, (std::vector<std::string>{"area_um2", "solidity"}));
    const auto slide = reader.rows<std::uint32_t>("cells/slide", 0, reader.n_cells());
    for (std::size_t i = 0; i < reader.slides().size(); ++i) {
      const ResultsSlide& one = reader.slides()[i];
      const auto first = slide.begin() + static_cast<std::ptrdiff_t>(one.cell_first);
      EXPECT_TRUE(std::all_of(first, first + one.n_cells, [&](auto s) { return s == i; }))
          << one.id;
    }
  }
  h5::File file = h5::File::open_to_write(target);
  file.set("complete", std::uint8_t{0});
  file.close();
  EXPECT_EQ(error_of([&] { const ResultsReader again(target); }).code(), ErrorCode::kNoInput);
  EXPECT_EQ(error_of([&] { const ResultsReader none(folder.path() / "no.h5"); }).code(),
            ErrorCode::kNoInput);
}

}  // namespace
}  // namespace tilepool
