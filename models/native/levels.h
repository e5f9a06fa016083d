// The levels of a block without the norms between them, as far as they are needed at once.
#pragma once

#include "passes.h"

namespace sudormrf {

constexpr int64_t kAtOnce = 64;  // frames of the first level that are made at once
constexpr int kMostLevels = 6;
constexpr int64_t kPlaces = 4;  // of a p_k: the first frame, the second, any between, the last
constexpr int64_t kBetween = 2;
constexpr int64_t kZeros = 2;  // frames before a level; one is behind it

inline int64_t place_of(int64_t t, int64_t length) {
  return t == length - 1 ? kPlaces - 1 : std::min(t, kBetween);
}

// Runs `body(place, frame)` for the frames of a level that the zeros around reach.
template <typename Body>
void at_ends(int64_t length, Body body) {
  if (length > 1) body(0, 0);
  if (length > 2) body(1, 1);
  body(kPlaces - 1, length - 1);
}

// All u_k of some channels (see pyramid.h), and of their frames those that are still needed: they
// stay in the nearer caches. `taps` are [levels, taps, n_hid].
template <typename T>
class Levels {
 public:
  Levels(const Shape& shape, const T* taps)
      : shape_(shape), taps_(taps), zeros_(kTile), past_((kTaps - 1) * kTile) {
    const int64_t most = kAtOnce + (2 << shape.depth);  // new ones, and what waits for others
    int64_t frames = 0;
    for (int64_t k = 0; k < shape.depth; k++) {
      begins_.push_back((frames + kZeros) * kTile);
      frames += kZeros + (most >> k) + 4;
    }
    space_ = Scratch<T>(frames * kTile);
  }

  // Goes to other channels, and to their first frames: `in` are at most those that the first window
  // sees ahead.
  void begin(const Channels& at, const T* in, int64_t pitch, int64_t frames, Pointwise<T> f) {
    first_ = at.first;
    width_ = at.width;
    n_extended_ = 0;
    n_.assign(shape_.depth, 0);
    dropped_.assign(shape_.depth, 0);
    accumulators_.assign(shape_.depth, Accumulator<T>(zeros_.data(), width_));
    for (int64_t k = 0; k < shape_.depth; k++) {
      std::fill_n(this->at(k, -kZeros), kZeros * kTile, T(0));
    }
    std::fill(past_.begin(), past_.end(), T(0));
    activate(in, pitch, past_.data() + kZeros * kTile, kTile, frames, width_, f);
  }

  T* at(int64_t k, int64_t t) { return space_.data() + begins_[k] + (t - dropped_[k]) * kTile; }
  int64_t first() const { return first_; }
  int64_t width() const { return width_; }
  int64_t n_made(int64_t k) const { return n_[k]; }
  int64_t n_dropped(int64_t k) const { return dropped_[k]; }
  bool has(int64_t k, int64_t t) const { return dropped_[k] <= t && t < n_[k]; }
  // Frame t of level k to all channels' `to`.
  void copy(int64_t k, int64_t t, T* to) { std::copy_n(at(k, t), width_, to + first_); }

  // The next frames of u_0 from n_in more of what comes in, and all that follows from them.
  template <bool kSums>
  void extend(const T* in, int64_t pitch, int64_t n_in, int64_t frames, Pointwise<T> f) {
    activate_and_convolve<kSums>(in, pitch, n_in, past_.data(), at(0, n_[0]), kTile, frames, width_,
                                 taps_ + first_, shape_.n_hid, f, accumulators_[0].sums());
    n_[0] += frames;
    for (int64_t k = 1; k < shape_.depth; k++) {
      int64_t n = (n_[k - 1] - 1) / 2;
      if (n_[k - 1] == shape_.length(k - 1)) {
        std::fill_n(at(k - 1, n_[k - 1]), kTile, T(0));
        n = n_[k - 1] / 2;
      }
      const T* taps = taps_ + k * kTaps * shape_.n_hid + first_;
      convolve<2, kSums>(at(k - 1, 2 * n_[k] - kZeros), kTile, at(k, n_[k]), kTile, n - n_[k],
                         width_, taps, shape_.n_hid, zeros_.data(), accumulators_[k].sums());
      n_[k] = n;
    }
    n_extended_++;
    for (int64_t k = 0; k < shape_.depth && kSums; k++) {
      if (n_extended_ % (1 << k) == 0) accumulators_[k].flush();  // of kAtOnce frames
    }
  }

  // Forgets the frames that no later window reaches; `waits` keeps those whose coarser ones are
  // still to come.
  void drop(bool waits) {
    for (int64_t k = 0; k < shape_.depth; k++) {
      const int64_t behind = shape_.depth - 1 - k;
      const int64_t n = waits || behind == 0 ? n_.back() << behind : 2 * n_[k + 1];
      std::memmove(at(k, dropped_[k] - kZeros), at(k, n - kZeros),
                   (n_[k] - n + kZeros) * kTile * sizeof(T));
      dropped_[k] = n;
    }
  }

  void finish(int64_t k, Moments* moments) {
    accumulators_[k].finish(shape_.length(k), nullptr, moments + first_);
  }

 private:
  const Shape& shape_;
  const T* taps_;
  int64_t first_ = 0, width_ = 0, n_extended_ = 0;
  Space<T> zeros_, past_;
  Scratch<T> space_;
  std::vector<int64_t> begins_, n_, dropped_;
  std::vector<Accumulator<T>> accumulators_;
};

}  // namespace sudormrf
