// The levels of a block that has no activations between them, all made in one pass.
//
// Between two levels there is only a norm, which is linear. So level k is a_k u_k + p_k, where u_k
// is u_(k-1) convolved without a bias, and u_0 the first level without its own: all of them are made
// before the moments of the first are known. a_k is a number of each channel; so is p_k, but for
// frames that the zeros around reach: the first two and the last.
#pragma once

#include "passes.h"

namespace sudormrf {

constexpr int64_t kTile = 64;  // channels of a level that lie together
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

// Some channels of the merged features: sums of all levels, from the coarsest on.
template <int kDepth, bool kIsEnd, typename T, typename V>
struct Column {
  const T* levels[kDepth];
  const T* ends[kDepth];  // [places, n_chan]
  int64_t lengths[kDepth];
  V factors[kDepth];
  T* out;
  int64_t n_chan;
  V origin, sum, squares;

  // Frame t of level k and all finer ones at its time, `up` being the sum of the coarser ones.
  template <int k>
  void rise(V up, int64_t t) {
    V merged = up + factors[k] * load<V>(levels[k] + t * kTile);
    if constexpr (kIsEnd) merged += load<V>(ends[k] + place_of(t, lengths[k]) * n_chan);
    if constexpr (k == 0) {
      store(out + t * n_chan, merged);
      const V distance = merged - origin;
      sum += distance;
      squares += distance * distance;
    } else {
      rise<k - 1>(merged, 2 * t);
      rise<k - 1>(merged, 2 * t + 1);
    }
  }
};

// The levels of a block from its expanded features to the merged ones: descend, settle, merge.
template <typename T>
class Pyramid {
 public:
  static bool fits(const Layout& layout) {
    return !layout.has_level_slopes && layout.depth <= kMostLevels;
  }

  explicit Pyramid(const Block<T>& b)
      : b_(b),
        n_tiles_((b.shape.n_hid + kTile - 1) / kTile),
        factors_(b.shape.batch * b.shape.depth * b.shape.n_hid),
        ends_(factors_.size() * kPlaces) {
    int64_t frames = 0;
    for (int64_t k = 0; k < b.shape.depth; k++) {
      begins_.push_back((frames + kZeros) * kTile);
      frames += kZeros + b.shape.length(k) + 1;
      taps_.push_back(by_tap(b.at(b.layout.level(k)), b.shape.n_hid));
      moments_.emplace_back(b.shape.batch * b.shape.n_hid);
    }
    per_tile_ = frames * kTile;
    space_ = at::empty({b.shape.batch * n_tiles_ * per_tile_}, b.parameters[0].options());
    levels_ = space_.template data_ptr<T>();
  }

  // All u_k from the expanded features, and their moments.
  void descend(const Table<T>& table, const T* in) {
    const Shape& s = b_.shape;
    const Space<T> zeros(kTile);
    struct State {
      int64_t item, c, width;
      std::vector<Accumulator<T>> accumulators;
      std::vector<int64_t> n_done;
    };
    over_windows<1, kTile>(
        b_, 0, table, in,
        [&](int64_t item, int64_t c, int64_t width) {
          for (int64_t k = 0; k < s.depth; k++) {
            T* begin = level(k, item, c);
            std::fill(begin - kZeros * kTile, begin, T(0));
            std::fill_n(begin + s.length(k) * kTile, kTile, T(0));
          }
          return State{item, c, width,
                       std::vector<Accumulator<T>>(s.depth, Accumulator<T>(zeros.data(), width)),
                       std::vector<int64_t>(s.depth)};
        },
        [&](State& state, int64_t t, int64_t frames, const T* window) {
          convolve<1>(window, kTile, level(0, state.item, state.c) + t * kTile, kTile, frames,
                      state.width, taps_[0].data() + state.c, s.n_hid, zeros.data(),
                      state.accumulators[0].sums());
          std::vector<int64_t>& n_done = state.n_done;
          n_done[0] = t + frames;
          for (int64_t k = 1; k < s.depth; k++) {
            const bool is_whole = n_done[k - 1] == s.length(k - 1);
            const int64_t n = is_whole ? s.length(k) : (n_done[k - 1] - 1) / 2;
            const T* from = level(k - 1, state.item, state.c) + (2 * n_done[k] - 2) * kTile;
            convolve<2>(from, kTile, level(k, state.item, state.c) + n_done[k] * kTile, kTile,
                        n - n_done[k], state.width, taps_[k].data() + state.c, s.n_hid,
                        zeros.data(), state.accumulators[k].sums());
            n_done[k] = n;
          }
          if (t % kFlush == 0) {
            for (auto& accumulator : state.accumulators) accumulator.flush();
          }
        },
        [&](State& state) {
          for (int64_t k = 0; k < s.depth; k++) {
            state.accumulators[k].finish(s.length(k), nullptr,
                                         moments_[k].data() + state.item * s.n_hid + state.c);
          }
        });
  }

  // From the moments of all u_k to those of the levels, what they are normalised with, and what
  // the normalised ones are: factor u_k + end.
  void settle() {
    const Shape& s = b_.shape;
    for (int64_t k = 0; k < s.depth; k++) {
      for (int64_t item = 0; item < s.batch; item++) {
        start(k, item);
        to_level(k, item);
      }
      b_.settle(1 + k, moments_[k], s.n_hid, s.length(k));
      const Table<T> table = b_.level(k);
      for (int64_t item = 0; item < s.batch; item++) {
        const Pointwise<T> f = table.row(item);
        T* factor = factors(k, item);
        for (int64_t c = 0; c < s.n_hid; c++) factor[c] *= f.scale[c];
        for (int64_t place = 0; place < kPlaces; place++) {
          T* end = ends(k, item) + place * s.n_hid;
          for (int64_t c = 0; c < s.n_hid; c++) end[c] = f.scale[c] * end[c] + f.shift[c];
        }
      }
    }
  }

  // Up again, adding: to the merged features and their moments. `out` may be what came in.
  void merge(T* out, std::vector<Moments>& moments) {
    choose_depth([&](auto depth) { merge_levels<depth>(out, moments); });
  }

 private:
  T* level(int64_t k, int64_t item, int64_t c) const {
    return levels_ + (item * n_tiles_ + c / kTile) * per_tile_ + begins_[k];
  }
  T* factors(int64_t k, int64_t item) {
    return factors_.data() + (item * b_.shape.depth + k) * b_.shape.n_hid;
  }
  T* ends(int64_t k, int64_t item) {
    return ends_.data() + (item * b_.shape.depth + k) * kPlaces * b_.shape.n_hid;
  }

  // Of level k before its norm: a_k as its factor, p_k as its end.
  void start(int64_t k, int64_t item) {
    const int64_t n_chan = b_.shape.n_hid, length = b_.shape.length(k);
    const T* bias = b_.at(b_.layout.level(k) + 1);
    for (int64_t place = 0; place < kPlaces; place++) {
      std::copy(bias, bias + n_chan, ends(k, item) + place * n_chan);
    }
    if (k == 0) {
      std::fill_n(factors(0, item), n_chan, T(1));
      return;
    }
    std::copy_n(factors(k - 1, item), n_chan, factors(k, item));
    for (int64_t j = 0; j < kTaps; j++) {
      add_end(k, item, kBetween, kBetween, j);
      at_ends(length, [&](int64_t place, int64_t t) {
        const int64_t from = 2 * t - 2 + j;
        if (from >= 0 && from < 2 * length) add_end(k, item, place, place_of(from, 2 * length), j);
      });
    }
  }
  void add_end(int64_t k, int64_t item, int64_t place, int64_t from, int64_t j) {
    const int64_t n_chan = b_.shape.n_hid;
    const T* in = ends(k - 1, item) + from * n_chan;
    const T* tap = taps_[k].data() + j * n_chan;
    T* to = ends(k, item) + place * n_chan;
    for (int64_t c = 0; c < n_chan; c++) to[c] += tap[c] * in[c];
  }

  // From u_k's moments to the level's.
  void to_level(int64_t k, int64_t item) {
    const int64_t n_chan = b_.shape.n_hid, length = b_.shape.length(k);
    const T *factor = factors(k, item), *end = ends(k, item);
    for (int64_t c = 0; c < n_chan; c++) {
      Moments& of = moments_[k][item * n_chan + c];
      const double a = factor[c], between = end[kBetween * n_chan + c];
      const T* u = level(k, item, c) + c % kTile;
      double sum = 0, squares = 0;
      at_ends(length, [&](int64_t place, int64_t t) {
        const double beside = end[place * n_chan + c] - between;
        sum += beside;
        squares += beside * (beside + 2 * a * (u[t * kTile] - of.mean));
      });
      of.squares = std::max(0.0, a * a * of.squares + squares - sum * sum / length);
      of.mean = a * of.mean + between + sum / length;
    }
  }

  template <typename Body, int k = 1>
  void choose_depth(Body body) const {
    if (b_.shape.depth == k) return body(std::integral_constant<int, k>());
    if constexpr (k < kMostLevels) choose_depth<Body, k + 1>(body);
  }

  template <int kDepth>
  void merge_levels(T* out, std::vector<Moments>& moments) {
    const Shape& s = b_.shape;
    Space<T> origin(s.n_hid), between(s.batch * s.n_hid);
    for (int64_t k = 0; k < s.depth; k++) {
      const T* bias = b_.at(b_.layout.level_norm(k) + 1);
      for (int64_t c = 0; c < s.n_hid; c++) origin[c] += bias[c];
      for (int64_t i = 0; i < s.batch * s.n_hid; i++) {
        between[i] += ends(k, i / s.n_hid)[kBetween * s.n_hid + i % s.n_hid];
      }
    }
    const int64_t n_coarse = s.length(kDepth - 1);
    over_channels<kTile>(s.batch, s.n_hid, [&](int64_t item, int64_t c, int64_t width) {
      Accumulator<T> accumulator(origin.data() + c, width);
      for (int64_t t = 0; t < n_coarse; t++) {
        T* to = out + item * s.frames * s.n_hid + c;
        if (t < kBetween || t == n_coarse - 1) {
          merge_frame<kDepth, true>(item, c, width, t, nullptr, to, accumulator.sums());
        } else {
          merge_frame<kDepth, false>(item, c, width, t, between.data() + item * s.n_hid + c, to,
                                     accumulator.sums());
        }
        accumulator.flush();
      }
      accumulator.finish(s.frames, nullptr, moments.data() + item * s.n_hid + c);
    });
  }

  template <int kDepth, bool kIsEnd>
  SUDORMRF_FLAT
  void merge_frame(int64_t item, int64_t first, int64_t width, int64_t t, const T* between, T* out,
                   Sums<T> sums) {
    const int64_t n_chan = b_.shape.n_hid;
    over_lanes<T>(width, [&](int64_t c, auto lanes) {
      using V = decltype(lanes);
      Column<kDepth, kIsEnd, T, V> column{};
      for (int k = 0; k < kDepth; k++) {
        column.levels[k] = level(k, item, first) + c;
        column.factors[k] = load<V>(factors(k, item) + first + c);
        column.ends[k] = ends(k, item) + first + c;
        column.lengths[k] = b_.shape.length(k);
      }
      column.out = out + c;
      column.n_chan = n_chan;
      column.origin = load<V>(sums.origin + c);
      V up{};
      if constexpr (!kIsEnd) up = load<V>(between + c);
      column.template rise<kDepth - 1>(up, t);
      add_to(sums.sum + c, column.sum);
      add_to(sums.squares + c, column.squares);
    });
  }

  const Block<T>& b_;
  int64_t n_tiles_, per_tile_;
  std::vector<int64_t> begins_;
  std::vector<Space<T>> taps_;
  std::vector<std::vector<Moments>> moments_;
  Space<T> factors_, ends_;
  at::Tensor space_;
  T* levels_;  // its numbers
};

}  // namespace sudormrf
