// Passes over all features of a block, shared by forward and backward.
#pragma once

#include <ATen/ops/mm.h>

#include <cstring>

#include "block.h"

namespace sudormrf {

constexpr int64_t kFrames = 32;  // frames of a convolution that are done together
constexpr int64_t kFlush = 64;   // frames summed up before they are flushed

template <typename T>
void measure(const T* data, int64_t batch, int64_t frames, int64_t n_chan, const T* added,
             std::vector<Moments>& moments) {
  over_channels(batch, n_chan, [&](int64_t item, int64_t c, int64_t width) {
    const T* from = data + item * frames * n_chan + c;
    Accumulator<T> accumulator(from, width);
    for (int64_t t = 0; t < frames; t += kFlush) {
      add_up(from + t * n_chan, n_chan, std::min(kFlush, frames - t), width, accumulator.sums());
      accumulator.flush();
    }
    accumulator.finish(frames, added + c, moments.data() + item * n_chan + c);
  });
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

// Normalises and activates what comes into level k, and runs `body(state, t, frames, window)` for
// the windows of `frames` outputs from t on. A window begins before the first frame, with zeros.
template <int kStride, typename T, typename Start, typename Body, typename End>
void over_windows(const Block<T>& b, int64_t k, const Table<T>& table, Features<const T> in,
                  Start start, Body body, End end) {
  const int64_t n_chan = b.shape.n_hid, n_out = b.shape.length(k), n_in = n_out * kStride;
  const int64_t before = kTaps / 2, overlap = kTaps - kStride;
  over_channels(b.shape.batch, n_chan, [&](int64_t item, int64_t c, int64_t width) {
    const auto f = table.row(item);
    Space<T> window((kFrames * kStride + overlap) * kWidth);
    auto state = start(item, c, width);
    int64_t n_known = before;  // frames of the window that are filled
    int64_t next = 0;          // the first frame that isn't in it
    for (int64_t t = 0; t < n_out; t += kFrames) {
      const int64_t frames = std::min(kFrames, n_out - t);
      const int64_t n_window = frames * kStride + overlap;
      const int64_t n_new = std::min(n_window - n_known, n_in - next);
      T* fresh = window.data() + n_known * kWidth;
      activate(in.at(item, next, c), in.tile, fresh, kWidth, n_new, width, f.from(c));
      std::fill(fresh + n_new * kWidth, window.data() + n_window * kWidth, T(0));
      body(state, t, frames, window.data());
      next += n_new;
      n_known = overlap;
      std::memmove(window.data(), window.data() + frames * kStride * kWidth,
                   overlap * kWidth * sizeof(T));
    }
    end(state);
  });
}

// One level: normalise and activate what comes in, and convolve it.
template <int kStride, typename T>
void run_level(const Block<T>& b, int64_t k, const Table<T>& table, const T* in, T* out,
               std::vector<Moments>& moments) {
  const int64_t n_chan = b.shape.n_hid;
  const Space<T> taps = by_tap(b.at(b.layout.level(k)), n_chan), zeros(kWidth);
  const T* bias = b.at(b.layout.level(k) + 1);
  struct State {
    int64_t item, c, width;
    Accumulator<T> accumulator;
  };
  over_windows<kStride>(
      b, k, table, Features<const T>{in, b.shape.length(k) * kStride, n_chan, n_chan},
      [&](int64_t item, int64_t c, int64_t width) {
        return State{item, c, width, Accumulator<T>(zeros.data(), width)};
      },
      [&](State& state, int64_t t, int64_t frames, const T* window) {
        const int64_t at = (state.item * b.shape.length(k) + t) * n_chan + state.c;
        convolve<kStride>(window, kWidth, out + at, n_chan, frames, state.width,
                          taps.data() + state.c, n_chan, bias + state.c, state.accumulator.sums());
        state.accumulator.flush();
      },
      [&](State& state) {
        state.accumulator.finish(b.shape.length(k), bias + state.c,
                                 moments.data() + state.item * n_chan + state.c);
      });
}

// Up again, adding: from all levels to the merged features.
template <typename T>
class Merge {
 public:
  Merge(const Block<T>& b, const std::vector<T*>& levels, const std::vector<Table<T>>& tables,
        T* out)
      : b_(b), levels_(levels), tables_(tables), out_(out) {}

  void run(std::vector<Moments>& moments) {
    const int64_t n_chan = b_.shape.n_hid, coarsest = b_.shape.depth - 1;
    Space<T> origin(n_chan);
    for (int64_t k = 0; k <= coarsest; k++) {
      for (int64_t c = 0; c < n_chan; c++) origin[c] += b_.at(b_.layout.level_norm(k) + 1)[c];
    }
    over_channels(b_.shape.batch, n_chan, [&](int64_t item, int64_t c, int64_t width) {
      Accumulator<T> accumulator(origin.data() + c, width);
      Space<T> space(2 * b_.shape.depth * kWidth);
      const int64_t n_fine = int64_t(1) << coarsest;
      T* merged = out_ + item * b_.shape.frames * n_chan + c;
      for (int64_t t = 0; t < b_.shape.length(coarsest); t++) {
        const T* from = levels_[coarsest] + (item * b_.shape.length(coarsest) + t) * n_chan + c;
        T* to = coarsest == 0 ? merged + t * n_chan : space.data() + 2 * coarsest * kWidth;
        activate(from, n_chan, to, n_chan, 1, width,
                 tables_[coarsest].row(item).from(c));
        rise(coarsest - 1, item, c, width, 2 * t, to, space.data());
        add_up(merged + t * n_fine * n_chan, n_chan, n_fine, width, accumulator.sums());
        accumulator.flush();
      }
      accumulator.finish(b_.shape.frames, nullptr, moments.data() + item * n_chan + c);
    });
  }

 private:
  // The two frames of level k at the time of a coarse one, and all finer ones.
  void rise(int64_t k, int64_t item, int64_t c, int64_t width, int64_t t, const T* coarse,
            T* space) {
    if (k < 0) return;
    const int64_t n_chan = b_.shape.n_hid, at = (item * b_.shape.length(k) + t) * n_chan + c;
    T* to = k == 0 ? out_ + at : space + 2 * k * kWidth;
    const int64_t pitch = k == 0 ? n_chan : kWidth;
    upsample_and_add(coarse, levels_[k] + at, n_chan, to, pitch, width,
                     tables_[k].row(item).from(c));
    rise(k - 1, item, c, width, 2 * t, to, space);
    rise(k - 1, item, c, width, 2 * t + 2, to + pitch, space);
  }

  const Block<T>& b_;
  const std::vector<T*>& levels_;
  const std::vector<Table<T>>& tables_;
  T* out_;
};

template <typename T>
void activate_all(const Table<T>& table, int64_t batch, int64_t frames, int64_t n_chan,
                  const T* data, T* out) {
  over_channels(batch, n_chan, [&](int64_t item, int64_t c, int64_t width) {
    const int64_t at = item * frames * n_chan + c;
    activate(data + at, n_chan, out + at, n_chan, frames, width,
             table.row(item).from(c));
  });
}

// The residual sum, and its moments.
template <typename T>
void add_residual(const Table<T>& table, const Shape& s, const T* features, const T* contracted,
                  T* out) {
  over_channels(s.batch, s.n_bn, [&](int64_t item, int64_t first, int64_t width) {
    const auto f = table.row(item).from(first);
    for (int64_t t = 0; t < s.frames; t++) {
      const int64_t at = (item * s.frames + t) * s.n_bn + first;
      over_lanes<T>(width, [&](int64_t c, auto lanes) {
        using V = decltype(lanes);
        const V added = f.template at<V, false>(c).linear(load<V>(contracted + at + c));
        store(out + at + c, load<V>(features + at + c) + added);
      });
    }
  });
}

// [batch, frames, n_in] and [n_out, n_in, 1] to [batch, frames, n_out].
inline void multiply(const at::Tensor& features, const at::Tensor& weight, at::Tensor out) {
  at::Tensor rows = out.view({-1, out.size(-1)});
  at::mm_out(rows, features.view({-1, features.size(-1)}), weight.squeeze(-1).t());
}

// All levels of a block one behind another in `space`, twice as long as the first.
template <typename T>
std::vector<T*> place_levels(const Shape& s, T* space) {
  std::vector<T*> levels{space};
  for (int64_t k = 1; k < s.depth; k++) {
    levels.push_back(levels.back() + s.batch * s.length(k - 1) * s.n_hid);
  }
  return levels;
}

}  // namespace sudormrf
