// Passes over all features of a block, shared by forward and backward.
#pragma once

#include <ATen/ops/mm.h>

#include <cstring>

#include "threads.h"

namespace sudormrf {

constexpr int64_t kFrames = 32;  // frames of a convolution that are done together

template <typename T>
void measure(Features<const T> features, int64_t batch, std::vector<Moments>& moments) {
  const FrameBlocks blocks{features.frames};
  BlockSums<T> sums(blocks, batch, features.n_chan);
  blocks.share_out(
      batch, [] { return 0; }, [&](int64_t i, int64_t item, int64_t t, int64_t frames, int) {
        sums.add(i, {features.at(item, t, 0), features.tile}, frames);
      });
  for (int64_t item = 0; item < batch; item++) {
    sums.finish(item, nullptr, moments.data() + item * features.n_chan);
  }
}

// The taps of a depth-wise convolution as [taps, channels].
template <typename T>
Space<T> by_tap(const T* weight, int64_t n_chan) {
  Space<T> taps(kTaps * n_chan);
  for (int64_t c = 0; c < n_chan; c++) {
    for (int64_t j = 0; j < kTaps; j++) taps[j * n_chan + c] = weight[c * kTaps + j];
  }
  return taps;
}

// The taps of all levels as [levels, taps, n_hid].
template <typename T>
Space<T> taps_of_all(const Block<T>& b) {
  Space<T> all;
  for (int64_t k = 0; k < b.shape.depth; k++) {
    const Space<T> taps = by_tap(b.at(b.layout.level(k)), b.shape.n_hid);
    all.insert(all.end(), taps.begin(), taps.end());
  }
  return all;
}

// Normalises and activates some channels of what comes into a level, and runs
// `body(t, frames, window)` for the windows of `frames` outputs from t on. A window begins before
// the first frame, with zeros.
template <int kStride, typename T, typename Body>
void over_windows(Features<const T> in, Pointwise<T> f, Channels at, Body body) {
  const int64_t n_in = in.frames, n_out = n_in / kStride;
  const int64_t before = kTaps / 2, overlap = kTaps - kStride;
  Scratch<T> window((kFrames * kStride + overlap) * kTile);
  std::fill_n(window.data(), before * kTile, T(0));
  int64_t n_known = before;  // frames of the window that are filled
  int64_t next = 0;          // the first frame that isn't in it
  for (int64_t t = 0; t < n_out; t += kFrames) {
    const int64_t frames = std::min(kFrames, n_out - t);
    const int64_t n_window = frames * kStride + overlap;
    const int64_t n_new = std::min(n_window - n_known, n_in - next);
    T* fresh = window.data() + n_known * kTile;
    activate(in.at(at, next), in.tile, fresh, kTile, n_new, at.width, f);
    std::fill(fresh + n_new * kTile, window.data() + n_window * kTile, T(0));
    body(t, frames, window.data());
    next += n_new;
    n_known = overlap;
    std::memmove(window.data(), window.data() + frames * kStride * kTile,
                 overlap * kTile * sizeof(T));
  }
}

// Some channels of level k: normalise and activate what comes in, and convolve it. `moments` are
// those of what comes out, if they are not null.
template <int kStride, typename T>
void make_level(const Block<T>& b, int64_t k, const Table<T>& table, Features<const T> in,
                Features<T> out, Channels at, Moments* moments) {
  const Space<T> taps = by_tap(b.at(b.layout.level(k)) + at.first * kTaps, at.width), zeros(kTile);
  const T* bias = b.at(b.layout.level(k) + 1) + at.first;
  Accumulator<T> accumulator(zeros.data(), at.width);
  over_windows<kStride>(
      in, table.of(at), at, [&](int64_t t, int64_t frames, const T* window) {
        T* to = out.at(at, t);
        const auto go = [&](auto sums) {
          convolve<kStride, sums>(window, kTile, to, out.tile, frames, at.width, taps.data(),
                                  at.width, bias, accumulator.sums());
        };
        moments ? go(std::true_type()) : go(std::false_type());
        accumulator.flush();
      });
  if (moments) accumulator.finish(out.frames, bias, moments + at.index(b.shape.n_hid));
}

template <typename T>
void make_level(const Block<T>& b, int64_t k, const Table<T>& table, Features<const T> in,
                Features<T> out, Channels at, Moments* moments) {
  if (k == 0) return make_level<1>(b, k, table, in, out, at, moments);
  make_level<2>(b, k, table, in, out, at, moments);
}

// Up again, adding: from all levels to the merged features.
template <typename T>
class Merge {
 public:
  Merge(const Block<T>& b, const std::vector<Features<T>>& levels,
        const std::vector<Table<T>>& tables, Features<T> out)
      : b_(b), levels_(levels), tables_(tables), out_(out), origin_(b.shape.n_hid) {
    for (int64_t k = 0; k < b_.shape.depth; k++) {
      const T* bias = b_.at(b_.layout.level_norm(k) + 1);
      for (size_t c = 0; c < origin_.size(); c++) origin_[c] += bias[c];
    }
  }

  // Some channels, and their moments if they are not null.
  void run(Channels at, Moments* moments) const {
    const int64_t coarsest = b_.shape.depth - 1, n_fine = int64_t(1) << coarsest;
    Accumulator<T> accumulator(origin_.data() + at.first, at.width);
    Space<T> space(2 * b_.shape.depth * kTile);
    for (int64_t t = 0; t < b_.shape.length(coarsest); t++) {
      T* merged = out_.at(at, t * n_fine);
      T* to = coarsest == 0 ? merged : space.data() + 2 * coarsest * kTile;
      activate(levels_[coarsest].at(at, t), out_.tile, to, kTile, 1, at.width,
               tables_[coarsest].of(at));
      rise(coarsest - 1, at, 2 * t, to, space.data());
      if (!moments) continue;
      add_up(merged, out_.tile, n_fine, at.width, accumulator.sums());
      accumulator.flush();
    }
    if (moments) {
      accumulator.finish(b_.shape.frames, nullptr, moments + at.index(b_.shape.n_hid));
    }
  }

 private:
  // The two frames of level k at the time of a coarse one, and all finer ones.
  void rise(int64_t k, Channels at, int64_t t, const T* coarse, T* space) const {
    if (k < 0) return;
    T* to = k == 0 ? out_.at(at, t) : space + 2 * k * kTile;
    const int64_t pitch = k == 0 ? out_.tile : kTile;
    upsample_and_add(coarse, levels_[k].at(at, t), levels_[k].tile, to, pitch, at.width,
                     tables_[k].of(at));
    rise(k - 1, at, 2 * t, to, space);
    rise(k - 1, at, 2 * t + 2, to + pitch, space);
  }

  const Block<T>& b_;
  const std::vector<Features<T>>& levels_;
  const std::vector<Table<T>>& tables_;
  Features<T> out_;
  Space<T> origin_;
};

template <typename T>
void activate_all(const Table<T>& table, int64_t batch, Features<const T> in, Features<T> out) {
  FrameBlocks{in.frames}.share_out(
      batch, [] { return 0; }, [&](int64_t, int64_t item, int64_t t, int64_t frames, int) {
        activate(in.at(item, t, 0), in.tile, out.at(item, t, 0), out.tile, frames, in.n_chan,
                 table.row(item));
      });
}

// The residual sum, and its moments if they are not null.
template <typename T>
void add_residual(const Table<T>& table, int64_t batch, Features<const T> features,
                  Features<const T> contracted, Features<T> out, std::vector<Moments>* moments) {
  const FrameBlocks blocks{out.frames};
  BlockSums<T> sums(blocks, moments ? batch : 0, out.n_chan);
  blocks.share_out(
      batch, [] { return 0; },
      [&](int64_t i, int64_t item, int64_t first, int64_t frames, int) {
        const Pointwise<T> f = table.row(item);
        for (int64_t t = first; t < first + frames; t++) {
          const T *x = features.at(item, t, 0), *y = contracted.at(item, t, 0);
          T* to = out.at(item, t, 0);
          over_lanes<T>(out.n_chan, [&](int64_t c, auto lanes) {
            using V = decltype(lanes);
            store(to + c, load<V>(x + c) + f.template at<V, false>(c).linear(load<V>(y + c)));
          });
        }
        if (moments) sums.add(i, {out.at(item, first, 0), out.tile}, frames);
      });
  for (int64_t item = 0; item < batch && moments; item++) {
    sums.finish(item, nullptr, moments->data() + item * out.n_chan);
  }
}

// [batch, frames, n_in] and [n_out, n_in, 1] to [batch, frames, n_out].
inline void multiply(const at::Tensor& features, const at::Tensor& weight, at::Tensor out) {
  at::Tensor rows = out.view({-1, out.size(-1)});
  at::mm_out(rows, features.view({-1, features.size(-1)}), weight.squeeze(-1).t());
}

// All levels of a block one behind another in `space`, which has twice the room of the first.
template <typename T>
std::vector<Features<T>> place_levels(const Shape& s, T* space) {
  std::vector<Features<T>> levels;
  for (int64_t k = 0; k < s.depth; k++) {
    levels.push_back({space, s.length(k), s.n_hid, s.tile()});
    space += s.batch * levels.back().per_item();
  }
  return levels;
}

}  // namespace sudormrf
