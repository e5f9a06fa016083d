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
// stay in the nearer caches. Frames are counted from the first that is there; what came before was
// dropped.
template <typename T>
class Levels {
 public:
  Levels(const Shape& shape, const std::vector<Space<T>>& taps, int64_t first, int64_t width)
      : shape_(shape), taps_(taps), first_(first), width_(width), zeros_(kTile),
        past_((kTaps - 1) * kTile), n_(shape.depth),
        accumulators_(shape.depth, Accumulator<T>(zeros_.data(), width)) {
    const int64_t most = kAtOnce + (2 << shape.depth);  // new ones, and what waits for others
    int64_t frames = 0;
    for (int64_t k = 0; k < shape.depth; k++) {
      begins_.push_back((frames + kZeros) * kTile);
      frames += kZeros + (most >> k) + 4;
    }
    space_ = Scratch<T>(frames * kTile);
    for (int64_t k = 0; k < shape.depth; k++) std::fill_n(at(k, -kZeros), kZeros * kTile, T(0));
  }

  T* at(int64_t k, int64_t t) { return space_.data() + begins_[k] + t * kTile; }
  int64_t first() const { return first_; }
  int64_t width() const { return width_; }
  int64_t n_whole() const { return n_.back(); }
  int64_t n_dropped(int64_t k) const { return dropped_ << (shape_.depth - 1 - k); }
  bool has(int64_t k, int64_t t) const {
    return n_dropped(k) <= t && t < n_dropped(k) + n_[k];
  }
  // Frame t of level k, counted from its first, to all channels' `to`.
  void copy(int64_t k, int64_t t, T* to) {
    std::copy_n(at(k, t - n_dropped(k)), width_, to + first_);
  }

  // The first frames of what comes in, at most those that the first window sees ahead.
  void begin(const T* in, int64_t pitch, int64_t frames, Pointwise<T> f) {
    activate(in, pitch, past_.data() + kZeros * kTile, kTile, frames, width_, f);
  }

  // The next frames of u_0 from n_in more of what comes in, and all that follows from them.
  template <bool kSums>
  void extend(const T* in, int64_t pitch, int64_t n_in, int64_t frames, Pointwise<T> f) {
    activate_and_convolve<kSums>(in, pitch, n_in, past_.data(), at(0, n_[0]), kTile, frames, width_,
                                 taps_[0].data() + first_, shape_.n_hid, f,
                                 accumulators_[0].sums());
    n_[0] += frames;
    for (int64_t k = 1; k < shape_.depth; k++) {
      int64_t n = (n_[k - 1] - 1) / 2;
      if (n_dropped(k - 1) + n_[k - 1] == shape_.length(k - 1)) {
        std::fill_n(at(k - 1, n_[k - 1]), kTile, T(0));
        n = n_[k - 1] / 2;
      }
      convolve<2, kSums>(at(k - 1, 2 * n_[k] - kZeros), kTile, at(k, n_[k]), kTile, n - n_[k],
                         width_, taps_[k].data() + first_, shape_.n_hid, zeros_.data(),
                         accumulators_[k].sums());
      n_[k] = n;
    }
  }
  void flush() {
    for (auto& accumulator : accumulators_) accumulator.flush();
  }

  // Forgets the frames at the time of those of the coarsest level.
  void drop() {
    const int64_t n_coarse = n_whole();
    for (int64_t k = 0; k < shape_.depth; k++) {
      const int64_t n = n_coarse << (shape_.depth - 1 - k);
      std::memmove(at(k, -kZeros), at(k, n - kZeros), (n_[k] - n + kZeros) * kTile * sizeof(T));
      n_[k] -= n;
    }
    dropped_ += n_coarse;
  }

  void finish(int64_t k, Moments* moments) {
    accumulators_[k].finish(shape_.length(k), nullptr, moments + first_);
  }

 private:
  const Shape& shape_;
  const std::vector<Space<T>>& taps_;
  int64_t first_, width_, dropped_ = 0;
  Space<T> zeros_, past_;
  Scratch<T> space_;
  std::vector<int64_t> begins_, n_;
  std::vector<Accumulator<T>> accumulators_;
};

}  // namespace sudormrf
