#include "common/run/calibration_file.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/hdf5/file.h"
#include "common/model/stain_profile_values.h"
#include "common/run/atomic_file.h"
#include "common/run/format_check.h"
#include "common/run/json_integer.h"
#include "common/run/seal.h"

namespace tilepool {
namespace {

using Values = std::vector<std::pair<std::string, double>>;

constexpr char kFormat[] = "tilepool-calibration";
constexpr char kSlideFormat[] = "tilepool-slide-calibration";

/// JSON has no NaN: it becomes null and comes back as NaN. Other doubles come back exactly.
nlohmann::json number(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
}

Values read_values(const nlohmann::json& list) {
  Values values;
  for (const auto& entry : list) {
    const auto& value = entry.at(1);
    values.emplace_back(
        entry.at(0).get<std::string>(),
        value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>());
  }
  return values;
}

/// The names of all slides' values, in the order they first come up.
std::vector<std::string> all_names(const std::vector<SlideCalibration>& slides) {
  std::vector<std::string> names;
  for (const SlideCalibration& slide : slides) {
    for (const auto& [name, value] : slide.values) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

void write_values(h5::File& file, const std::vector<SlideCalibration>& slides) {
  const std::vector<std::string> names = all_names(slides);
  h5::Group group = h5::Group::create(file, "values");
  group.set_texts("order", names);
  for (const std::string& name : names) {
    std::vector<double> column(slides.size(), std::numeric_limits<double>::quiet_NaN());
    for (std::size_t i = 0; i < slides.size(); ++i) {
      for (const auto& [other, value] : slides[i].values) {
        if (other == name) column[i] = value;
      }
    }
    file.write_column<double>("values/" + name, column);
  }
}

void write_patches(h5::File& file, const std::vector<SlideCalibration>& slides) {
  std::vector<std::uint32_t> slide;
  std::vector<std::int64_t> x, y, w, h;
  for (std::size_t i = 0; i < slides.size(); ++i) {
    for (const Rect& patch : slides[i].patches) {
      slide.push_back(static_cast<std::uint32_t>(i));
      x.push_back(patch.x);
      y.push_back(patch.y);
      w.push_back(patch.w);
      h.push_back(patch.h);
    }
  }
  file.write_column<std::uint32_t>("patches/slide", slide);
  file.write_column<std::int64_t>("patches/x", x);
  file.write_column<std::int64_t>("patches/y", y);
  file.write_column<std::int64_t>("patches/w", w);
  file.write_column<std::int64_t>("patches/h", h);
}

void read_patches(const h5::File& file, std::vector<SlideCalibration>& slides) {
  const auto slide = file.read_column<std::uint32_t>("patches/slide");
  const auto x = file.read_column<std::int64_t>("patches/x");
  const auto y = file.read_column<std::int64_t>("patches/y");
  const auto w = file.read_column<std::int64_t>("patches/w");
  const auto h = file.read_column<std::int64_t>("patches/h");
  check(x.size() == slide.size() && y.size() == slide.size() && w.size() == slide.size() &&
            h.size() == slide.size(),
        ErrorCode::kHdf5, "{}: /patches columns differ in length", file.where());
  for (std::size_t i = 0; i < slide.size(); ++i) {
    check(slide[i] < slides.size(), ErrorCode::kHdf5, "{}: /patches names slide {} of {}",
          file.where(), slide[i], slides.size());
    slides[slide[i]].patches.push_back({x[i], y[i], w[i], h[i]});
  }
}

void read_values(const h5::File& file, std::vector<SlideCalibration>& slides) {
  for (const std::string& name : h5::Group::open(file, "values").texts("order")) {
    const auto column = file.read_column<double>("values/" + name);
    check(column.size() == slides.size(), ErrorCode::kHdf5,
          "{}: /values/{} has {} rows, expected {}", file.where(), name, column.size(),
          slides.size());
    for (std::size_t i = 0; i < slides.size(); ++i) {
      if (!std::isnan(column[i])) slides[i].values.emplace_back(name, column[i]);
    }
  }
}

}  // namespace

bool stains_left(const SlideCalibration& slide) {
  return std::any_of(slide.values.begin(), slide.values.end(), [](const auto& value) {
    return value.first == kNormalisedValue && value.second == 0;
  });
}

void write_slide_calibration(const std::filesystem::path& file, const SlideCalibration& slide) {
  nlohmann::json json = {
      {"format", kSlideFormat}, {"version", 1}, {"slide_id", slide.slide_id}, {"note", slide.note}};
  json["values"] = nlohmann::json::array();
  for (const auto& [name, value] : slide.values) json["values"].push_back({name, number(value)});
  json["patches"] = nlohmann::json::array();
  for (const Rect& patch : slide.patches) {
    json["patches"].push_back({patch.x, patch.y, patch.w, patch.h});
  }
  write_file_atomically(file,
                        json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

SlideCalibration read_slide_calibration(const std::filesystem::path& file) {
  const std::string text = read_file(file);
  try {
    const auto json = nlohmann::json::parse(text);
    check(json.at("format") == kSlideFormat && json.at("version") == 1, ErrorCode::kIo,
          "{}: expected {} version 1", file.string(), kSlideFormat);
    SlideCalibration slide;
    slide.slide_id = json.at("slide_id").get<std::string>();
    slide.note = json.at("note").get<std::string>();
    slide.values = read_values(json.at("values"));
    for (const auto& patch : json.at("patches")) {
      slide.patches.push_back(
          {integer_of<std::int64_t>(patch.at(0)), integer_of<std::int64_t>(patch.at(1)),
           integer_of<std::int64_t>(patch.at(2)), integer_of<std::int64_t>(patch.at(3))});
    }
    return slide;
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorCode::kIo, "{}: is damaged ({}); delete it and run again", file.string(),
         error.what());
  }
}

void write_calibration(const std::filesystem::path& path,
                       const std::vector<SlideCalibration>& slides, const Values& cohort) {
  AtomicFile target(path);
  h5::File file = h5::File::create(target.temp());
  set_format(file, kFormat, 1);
  std::vector<std::string> ids, notes, cohort_names;
  for (const SlideCalibration& slide : slides) {
    ids.push_back(slide.slide_id);
    notes.push_back(slide.note);
  }
  for (const auto& [name, value] : cohort) {
    cohort_names.push_back(name);
    file.set("cohort." + name, value);
  }
  file.set_texts("cohort", cohort_names);
  file.write_texts("slides/id", ids);
  file.write_texts("slides/note", notes);
  write_values(file, slides);
  write_patches(file, slides);
  file.close();
  seal(target.temp());
  target.commit();
}

std::vector<SlideCalibration> read_calibration(const std::filesystem::path& path) {
  const h5::File file = open_sealed(path);
  check_format(file, kFormat, 1);
  const std::vector<std::string> ids = file.read_texts("slides/id");
  const std::vector<std::string> notes = file.read_texts("slides/note");
  check(ids.size() == notes.size(), ErrorCode::kHdf5, "{}: /slides columns differ in length",
        file.where());
  std::vector<SlideCalibration> slides(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    slides[i].slide_id = ids[i];
    slides[i].note = notes[i];
  }
  read_values(file, slides);
  read_patches(file, slides);
  return slides;
}

Values read_cohort_calibration(const std::filesystem::path& path) {
  const h5::File file = open_sealed(path);
  check_format(file, kFormat, 1);
  Values cohort;
  for (const std::string& name : file.texts("cohort")) {
    cohort.emplace_back(name, file.get<double>("cohort." + name));
  }
  return cohort;
}

}  // namespace tilepool
