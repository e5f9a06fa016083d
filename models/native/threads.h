// What threads share out, channels or frames, and the sums that are made of them.
#pragma once

#include <ATen/Parallel.h>

#include "block.h"

namespace sudormrf {

// Runs `body(Channels, own)` for all channels of a batch; each thread has its own `make()`.
template <int64_t kBlock = kTile, typename Make, typename Body>
void over_channels(int64_t batch, int64_t n_chan, Make make, Body body) {
  const int64_t n_blocks = (n_chan + kBlock - 1) / kBlock;
  at::parallel_for(0, batch * n_blocks, 1, [&](int64_t begin, int64_t end) {
    auto own = make();
    for (int64_t i = begin; i < end; i++) {
      const int64_t first = i % n_blocks * kBlock;
      body(Channels{i / n_blocks, first, std::min(kBlock, n_chan - first)}, own);
    }
  });
}

// Runs `body(Channels)` for all channels of a batch.
template <int64_t kBlock = kTile, typename Body>
void over_channels(int64_t batch, int64_t n_chan, Body body) {
  over_channels<kBlock>(batch, n_chan, [] { return 0; }, [&](Channels at, int) { body(at); });
}

// Sums of some channels: in the data's precision for some frames, then in double.
template <typename T, int64_t kMost = kTile>
class Accumulator {
 public:
  Accumulator(const T* origin, int64_t width) : origin_(origin), width_(width) {}

  Sums<T> sums() { return {origin_, sum_, squares_}; }
  void flush() {
    for (int64_t c = 0; c < width_; c++) {
      total_[c] += sum_[c];
      total_squares_[c] += squares_[c];
      sum_[c] = squares_[c] = 0;
    }
  }
  // `added` is a constant of each channel that the sums do not have.
  void finish(int64_t frames, const T* added, Moments* out) {
    flush();
    const double share = 1.0 / frames;
    for (int64_t c = 0; c < width_; c++) {
      const double mean = share * total_[c];
      out[c].mean = mean + (added ? added[c] : 0) + origin_[c];
      out[c].squares = std::max(0.0, total_squares_[c] - total_[c] * mean);
    }
  }

 private:
  const T* origin_;
  int64_t width_;
  alignas(64) T sum_[kMost] = {};
  alignas(64) T squares_[kMost] = {};
  double total_[kMost] = {};
  double total_squares_[kMost] = {};
};

// Frames in blocks that threads share out, of nearly equal length.
struct FrameBlocks {
  int64_t frames;

  int64_t count() const { return (frames + kMostFrames - 1) / kMostFrames; }
  int64_t begin(int64_t i) const {
    const int64_t n_rows = (frames + kRows - 1) / kRows;
    return std::min(frames, n_rows * i / count() * kRows);
  }
  int64_t length(int64_t i) const { return begin(i + 1) - begin(i); }

  // Runs `body(i, item, first, frames, own)` for the i-th of all blocks of a batch; each thread has
  // its own `make()`.
  template <typename Make, typename Body>
  void share_out(int64_t batch, Make make, Body body) const {
    at::parallel_for(0, batch * count(), 1, [&](int64_t first, int64_t last) {
      auto own = make();
      for (int64_t i = first; i < last; i++) {
        body(i, i / count(), begin(i % count()), length(i % count()), own);
      }
    });
  }
};

// Sums of all channels for each block of frames of a batch, joined in the blocks' order, whatever
// the number of threads.
template <typename T>
class BlockSums {
 public:
  BlockSums(FrameBlocks blocks, int64_t batch, int64_t n_chan)
      : blocks_(blocks), n_chan_(n_chan), values_(batch * blocks.count() * 3 * n_chan) {}

  void add(int64_t i, Rows<const T> rows, int64_t frames) {
    T* origin = values_.data() + i * 3 * n_chan_;
    std::copy_n(rows.data, n_chan_, origin);
    add_up(rows.data, rows.pitch, frames, n_chan_,
           {origin, origin + n_chan_, origin + 2 * n_chan_});
  }

  // `added` is a constant of each channel that the sums do not have.
  void finish(int64_t item, const T* added, Moments* out) const {
    std::vector<double> sum(n_chan_), squares(n_chan_);
    const T* origin = values_.data() + item * blocks_.count() * 3 * n_chan_;
    for (int64_t i = 0; i < blocks_.count(); i++) {
      const T* own = origin + i * 3 * n_chan_;
      const double n = blocks_.length(i);
      for (int64_t c = 0; c < n_chan_; c++) {
        const double away = double(own[c]) - origin[c], s = own[n_chan_ + c];
        sum[c] += s + n * away;
        squares[c] += own[2 * n_chan_ + c] + away * (2 * s + n * away);
      }
    }
    const double share = 1.0 / blocks_.frames;
    for (int64_t c = 0; c < n_chan_; c++) {
      const double mean = share * sum[c];
      out[c] = {mean + (added ? added[c] : 0) + origin[c],
                std::max(0.0, squares[c] - sum[c] * mean)};
    }
  }

 private:
  FrameBlocks blocks_;
  int64_t n_chan_;
  Space<T> values_;  // [batch * blocks, the first frame and sum and squares, n_chan]
};

}  // namespace sudormrf
