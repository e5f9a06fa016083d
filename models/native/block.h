// A U-ConvBlock's sizes and parameters, and its norms as scale and shift of each channel.
#pragma once

#include <ATen/core/Tensor.h>

#include <new>
#include <vector>

#include "rows.h"

namespace sudormrf {

constexpr double kEps = 1e-8;
constexpr int64_t kTile = 64;    // channels that are done together,
constexpr int64_t kWidth = 128;  // and of narrow features, which have no tiles
constexpr int64_t kNarrow = 32;  // a tile of fewer has a multiple of these
constexpr int64_t kRows = 6;     // frames that a product sums up in registers
constexpr int64_t kMostFrames = 60;  // done with all weights while they are in the second cache

// Storage that begins at a multiple of a vector: one that crosses lines of the cache costs double.
template <typename T>
struct Aligned {
  using value_type = T;

  Aligned() = default;
  template <typename U>
  Aligned(const Aligned<U>&) {}
  T* allocate(size_t n) {
    return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(64)));
  }
  void deallocate(T* from, size_t) { ::operator delete(from, std::align_val_t(64)); }
  bool operator==(const Aligned&) const { return true; }
};

template <typename T>
using Space = std::vector<T, Aligned<T>>;

// The same, for numbers that are written before they are read: they begin as whatever was there.
template <typename T>
struct Unset : Aligned<T> {
  template <typename U>
  struct rebind {
    using other = Unset<U>;
  };
  void construct(T*) {}
};

template <typename T>
using Scratch = std::vector<T, Unset<T>>;

enum class Norm { kGlobal, kChannel };

struct Shape {
  int64_t batch, n_bn, n_hid, frames, depth;

  int64_t length(int64_t level) const { return frames >> level; }

  // Of n_hid channels: how they lie (see Features).
  int64_t tile() const { return std::min(kTile, (n_hid + kNarrow - 1) / kNarrow * kNarrow); }
  int64_t n_tiles() const { return (n_hid + kTile - 1) / kTile; }
};

// Where a block's parameters lie in the list of them, which is the module's own order.
struct Layout {
  bool has_level_slopes, has_last_norm, has_end_norm, has_end_slope;
  int64_t depth;

  static constexpr int64_t expand = 0, expand_norm = 2, expand_slope = 4;
  int64_t per_level() const { return has_level_slopes ? 5 : 4; }
  int64_t level(int64_t k) const { return 5 + k * per_level(); }
  int64_t level_norm(int64_t k) const { return level(k) + 2; }
  int64_t level_slope(int64_t k) const { return has_level_slopes ? level(k) + 4 : -1; }
  int64_t merged_norm() const { return level(depth); }
  int64_t merged_slope() const { return level(depth) + 2; }
  int64_t contract() const { return level(depth) + 3; }
  int64_t last_norm() const { return has_last_norm ? level(depth) + 5 : -1; }
  int64_t end_norm() const { return has_end_norm ? level(depth) + 7 : -1; }
  int64_t end_slope() const { return has_end_slope ? size() - 1 : -1; }
  int64_t size() const {
    return level(depth) + 5 + 2 * has_last_norm + 2 * has_end_norm + has_end_slope;
  }
};

// Some channels of one item of a batch.
struct Channels {
  int64_t item, first, width;

  // Where the first lies in [batch, n_chan].
  int64_t index(int64_t n_chan) const { return item * n_chan + first; }
};

// Features of a batch. Channels lie in tiles, those of one tile and frame side by side: a tile is
// read in one stream. One tile of all channels is [batch, frames, n_chan].
template <typename T>
struct Features {
  T* data;
  int64_t frames, n_chan, tile;

  operator Features<const T>() const { return {data, frames, n_chan, tile}; }
  T* at(const Channels& channels, int64_t t) const { return at(channels.item, t, channels.first); }
  int64_t per_item() const { return (n_chan + tile - 1) / tile * tile * frames; }
  T* at(int64_t item, int64_t t, int64_t c) const {
    return data + item * per_item() + c / tile * frames * tile + t * tile + c % tile;
  }
};

// A block's narrow features, one frame behind another, and its wide ones, in tiles.
template <typename T>
Features<T> narrow(const Shape& s, T* data) {
  return {data, s.frames, s.n_bn, s.n_bn};
}
template <typename T>
Features<T> wide(const Shape& s, T* data) {
  return {data, s.frames, s.n_hid, s.tile()};
}

// Mean and squared distances from it of each channel's frames.
struct Moments {
  double mean, squares;
};

// The mean and 1 / deviation that each channel is normalised with.
template <typename T>
struct Statistics {
  T* mean;
  T* rate;
};

// Those of all norms of a block in one tensor: expand, each level, merged, last, end.
template <typename T>
struct AllStatistics {
  T* data;
  int64_t stride;

  Statistics<T> operator[](int64_t norm) const {
    T* mean = data + 2 * norm * stride;
    return {mean, mean + stride};
  }
};

// What is done to the frames of one norm of one batch: see Pointwise.
template <typename T>
struct Table {
  Space<T> values;  // [batch, scale and shift and slope, n_chan]
  int64_t n_chan;
  bool has_slope;

  Pointwise<T> of(const Channels& channels) const {
    return row(channels.item).from(channels.first);
  }
  Pointwise<T> row(int64_t item) const {
    const T* scale = values.data() + item * 3 * n_chan;
    const T* slope = has_slope ? scale + 2 * n_chan : nullptr;
    return {scale, scale + n_chan, slope};
  }
};

// The sum of `value(i)` for 0 <= i < n, in parts that don't wait for each other.
template <typename Value>
double sum_of(int64_t n, Value value) {
  double parts[8]{};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) repeat<8>([&](auto r) { parts[r] += value(i + r); });
  for (; i < n; i++) parts[0] += value(i);
  return ((parts[0] + parts[1]) + (parts[2] + parts[3])) +
         ((parts[4] + parts[5]) + (parts[6] + parts[7]));
}

// A block with its data, on which the passes of forward and backward work.
template <typename T>
struct Block {
  Shape shape;
  Layout layout;
  at::TensorList parameters;
  Norm norm;
  AllStatistics<T> statistics;

  const T* at(int64_t index) const { return parameters[index].template const_data_ptr<T>(); }
  T slope(int64_t index, int64_t c) const {
    return index < 0 ? T(1) : at(index)[parameters[index].numel() == 1 ? 0 : c];
  }

  // Indices of -1 stand for what the variant does not have, or for no bias to be added.
  Table<T> table(int64_t n_chan, int64_t which, int64_t norm_at, int64_t slope_at,
                 int64_t added_at) const {
    Table<T> table{Space<T>(shape.batch * 3 * n_chan), n_chan, slope_at >= 0};
    const T* added = added_at < 0 ? nullptr : at(added_at);
    const T* gain = norm_at < 0 ? nullptr : at(norm_at);
    const T* bias = norm_at < 0 ? nullptr : at(norm_at + 1);
    const T* slope = slope_at < 0 ? nullptr : at(slope_at);
    const int64_t slope_step = slope && parameters[slope_at].numel() > 1;
    for (int64_t item = 0; item < shape.batch; item++) {
      const T* mean = statistics[which].mean + item * n_chan;
      const T* rate = statistics[which].rate + item * n_chan;
      T* scale = table.values.data() + item * 3 * n_chan;
      T* shift = scale + n_chan;
      for (int64_t c = 0; c < n_chan; c++) {
        const T offset = added ? added[c] : T(0);
        scale[c] = gain ? gain[c] * rate[c] : T(1);
        shift[c] = gain ? bias[c] + (offset - mean[c]) * scale[c] : offset;
        shift[n_chan + c] = slope ? slope[c * slope_step] : T(1);
      }
    }
    return table;
  }
  Table<T> expanded() const {
    return table(shape.n_hid, 0, layout.expand_norm, layout.expand_slope, layout.expand + 1);
  }
  Table<T> level(int64_t k) const {
    return table(shape.n_hid, 1 + k, layout.level_norm(k), layout.level_slope(k), -1);
  }
  Table<T> merged() const {
    return table(shape.n_hid, shape.depth + 1, layout.merged_norm(), layout.merged_slope(), -1);
  }
  Table<T> contracted() const {
    return table(shape.n_bn, shape.depth + 2, layout.last_norm(), -1, layout.contract() + 1);
  }
  Table<T> end() const {
    return table(shape.n_bn, shape.depth + 3, layout.end_norm(), layout.end_slope(), -1);
  }

  // From the channels' moments to what they are normalised with.
  void settle(int64_t which, const std::vector<Moments>& rows, int64_t n_chan,
              int64_t frames) const {
    const Statistics<T> out = statistics[which];
    if (norm == Norm::kChannel) {
      for (size_t i = 0; i < rows.size(); i++) {
        out.mean[i] = rows[i].mean;
        out.rate[i] = 1 / std::sqrt(rows[i].squares / frames + kEps);
      }
      return;
    }
    for (size_t first = 0; first < rows.size(); first += n_chan) {
      const Moments* row = rows.data() + first;
      const double mean = sum_of(n_chan, [&](int64_t c) { return row[c].mean; }) / n_chan;
      const double squares = sum_of(n_chan, [&](int64_t c) {
        const double distance = row[c].mean - mean;
        return row[c].squares + frames * distance * distance;
      });
      std::fill_n(out.mean + first, n_chan, T(mean));
      std::fill_n(out.rate + first, n_chan, T(1 / std::sqrt(squares / (n_chan * frames) + kEps)));
    }
  }
};

Layout layout_of(c10::string_view variant, int64_t depth);

}  // namespace sudormrf
