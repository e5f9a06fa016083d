// The levels of a block that has no activations between them, all made in one pass.
//
// Between two levels there is only a norm, which is linear. So level k is a_k u_k + p_k, where u_k
// is u_(k-1) convolved without a bias, and u_0 the first level without its own: all of them are made
// before the moments of the first are known. a_k is a number of each channel; so is p_k, but for
// frames that the zeros around reach: the first two and the last.
//
// The pass is run twice, for the moments and then for the merged features: to make a level again
// takes less time than to write it to memory and to read it.
#pragma once

#include "levels.h"

namespace sudormrf {

// Some channels of the merged features: sums of all levels, from the coarsest on.
template <int kDepth, bool kIsEnd, typename T, typename V>
struct Column {
  const T* levels[kDepth];  // from a frame on that all of them have
  const T* ends[kDepth];    // [places, n_chan]
  int64_t firsts[kDepth], lengths[kDepth];
  V factors[kDepth];
  T* out;
  int64_t out_pitch, n_chan;
  V origin, sum, squares;

  // Frame t of level k and all finer ones at its time, `up` being the sum of the coarser ones.
  template <int k>
  void rise(V up, int64_t t) {
    V merged = up + factors[k] * load<V>(levels[k] + t * kTile);
    if constexpr (kIsEnd) merged += load<V>(ends[k] + place_of(firsts[k] + t, lengths[k]) * n_chan);
    if constexpr (k == 0) {
      store(out + t * out_pitch, merged);
      const V distance = merged - origin;
      sum += distance;
      squares += distance * distance;
    } else {
      rise<k - 1>(merged, 2 * t);
      rise<k - 1>(merged, 2 * t + 1);
    }
  }
};

// The levels of a block from its expanded features to the merged ones: measure, settle, merge.
template <typename T>
class Pyramid {
 public:
  static bool fits(const Layout& layout) {
    return !layout.has_level_slopes && layout.depth <= kMostLevels;
  }

  // `taps` are [levels, taps, n_hid].
  Pyramid(const Block<T>& b, const T* taps)
      : b_(b),
        taps_(taps),
        factors_(b.shape.batch * b.shape.depth * b.shape.n_hid),
        ends_(factors_.size() * kPlaces),
        firsts_(ends_.size()) {
    for (int64_t k = 0; k < b.shape.depth; k++) {
      moments_.emplace_back(b.shape.batch * b.shape.n_hid);
    }
  }

  // The moments of all u_k from the expanded features, and their frames at the ends.
  void measure(const Table<T>& table, Features<const T> in) {
    const Shape& s = b_.shape;
    descend<true>(
        table, in,
        [&](Levels<T>& levels, int64_t item) {
          for (int64_t k = 0; k < s.depth; k++) {
            at_ends(s.length(k), [&](int64_t place, int64_t t) {
              if (levels.has(k, t)) levels.copy(k, t, firsts(k, item) + place * s.n_hid);
            });
          }
        },
        [&](Levels<T>& levels, int64_t item) {
          for (int64_t k = 0; k < s.depth; k++) {
            levels.finish(k, moments_[k].data() + item * s.n_hid);
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

  // Down, and up again, adding: to the merged features and their moments. `out` may be `in`.
  void merge(const Table<T>& table, Features<const T> in, Features<T> out,
             std::vector<Moments>& moments) {
    as_constant<kMostLevels>(b_.shape.depth, [&](auto depth) {
      merge_levels<depth>(table, in, out, moments);
    });
  }

 private:
  // Runs `on_frames(levels, item)` whenever the levels have some more, and `end(levels, item)`
  // after the last.
  template <bool kSums, typename OnFrames, typename End>
  void descend(const Table<T>& table, Features<const T> in, OnFrames on_frames, End end) {
    const int64_t n = b_.shape.frames, n_hid = b_.shape.n_hid;
    const auto make = [&] { return Levels<T>(b_.shape, taps_); };
    over_channels(b_.shape.batch, n_hid, make, [&](Channels at, Levels<T>& levels) {
      const Pointwise<T> f = table.of(at);
      levels.begin(at, in.at(at, 0), in.tile, std::min(kZeros, n), f);
      for (int64_t t = 0; t < n; t += kAtOnce) {
        const int64_t next = std::min(t + kZeros, n), frames = std::min(kAtOnce, n - t);
        levels.template extend<kSums>(in.at(at, next), in.tile, std::min(frames, n - next), frames,
                                      f);
        on_frames(levels, at.item);
        levels.drop(!kSums);
      }
      end(levels, at.item);
    });
  }

  T* factors(int64_t k, int64_t item) {
    return factors_.data() + (item * b_.shape.depth + k) * b_.shape.n_hid;
  }
  T* ends(int64_t k, int64_t item) {
    return ends_.data() + (item * b_.shape.depth + k) * kPlaces * b_.shape.n_hid;
  }
  T* firsts(int64_t k, int64_t item) {
    return firsts_.data() + (item * b_.shape.depth + k) * kPlaces * b_.shape.n_hid;
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
    const T* tap = taps_ + (k * kTaps + j) * n_chan;
    T* to = ends(k, item) + place * n_chan;
    for (int64_t c = 0; c < n_chan; c++) to[c] += tap[c] * in[c];
  }

  // From u_k's moments to the level's.
  void to_level(int64_t k, int64_t item) {
    const int64_t n_chan = b_.shape.n_hid, length = b_.shape.length(k);
    const T *factor = factors(k, item), *between = ends(k, item) + kBetween * n_chan;
    Moments* of = moments_[k].data() + item * n_chan;
    std::vector<double> sum(n_chan), squares(n_chan);
    at_ends(length, [&](int64_t place, int64_t) {
      const T *end = ends(k, item) + place * n_chan, *u = firsts(k, item) + place * n_chan;
      for (int64_t c = 0; c < n_chan; c++) {
        const double beside = double(end[c]) - between[c];
        sum[c] += beside;
        squares[c] += beside * (beside + 2.0 * factor[c] * (u[c] - of[c].mean));
      }
    });
    const double share = 1.0 / length;
    for (int64_t c = 0; c < n_chan; c++) {
      const double a = factor[c], mean = share * sum[c];
      of[c].squares = std::max(0.0, a * a * of[c].squares + squares[c] - sum[c] * mean);
      of[c].mean = a * of[c].mean + between[c] + mean;
    }
  }

  template <int kDepth>
  void merge_levels(const Table<T>& table, Features<const T> in, Features<T> out,
                    std::vector<Moments>& moments) {
    const Shape& s = b_.shape;
    Space<T> origin(s.n_hid), between(s.batch * s.n_hid);
    for (int64_t k = 0; k < s.depth; k++) {
      const T* bias = b_.at(b_.layout.level_norm(k) + 1);
      for (int64_t c = 0; c < s.n_hid; c++) origin[c] += bias[c];
      for (int64_t item = 0; item < s.batch; item++) {
        const T* end = ends(k, item) + kBetween * s.n_hid;
        for (int64_t c = 0; c < s.n_hid; c++) between[item * s.n_hid + c] += end[c];
      }
    }
    std::vector<Accumulator<T>> accumulators;
    for (int64_t item = 0; item < s.batch; item++) {
      for (int64_t c = 0; c < s.n_hid; c += kTile) {
        accumulators.emplace_back(origin.data() + c, std::min(kTile, s.n_hid - c));
      }
    }
    const int64_t n_tiles = accumulators.size() / s.batch, n_coarse = s.length(kDepth - 1);
    descend<false>(
        table, in,
        [&](Levels<T>& levels, int64_t item) {
          const int64_t c = levels.first(), first = levels.n_dropped(kDepth - 1);
          Accumulator<T>& accumulator = accumulators[item * n_tiles + c / kTile];
          T* to = out.at(item, levels.n_dropped(0), c);
          for (int64_t t = first; t < levels.n_made(kDepth - 1); t++) {
            if (t < kBetween || t == n_coarse - 1) {
              merge_frame<kDepth, true>(levels, item, t - first, nullptr, to, out.tile,
                                        accumulator.sums());
            } else {
              merge_frame<kDepth, false>(levels, item, t - first,
                                         between.data() + item * s.n_hid + c, to, out.tile,
                                         accumulator.sums());
            }
          }
          accumulator.flush();
        },
        [&](Levels<T>& levels, int64_t item) {
          const int64_t c = levels.first();
          accumulators[item * n_tiles + c / kTile].finish(s.frames, nullptr,
                                                          moments.data() + item * s.n_hid + c);
        });
  }

  template <int kDepth, bool kIsEnd>
  SUDORMRF_FLAT
  void merge_frame(Levels<T>& levels, int64_t item, int64_t t, const T* between, T* out,
                   int64_t out_pitch, Sums<T> sums) {
    const int64_t n_chan = b_.shape.n_hid, first = levels.first();
    over_lanes<T>(levels.width(), [&](int64_t c, auto lanes) {
      using V = decltype(lanes);
      Column<kDepth, kIsEnd, T, V> column{};
      for (int k = 0; k < kDepth; k++) {
        column.levels[k] = levels.at(k, levels.n_dropped(k)) + c;
        column.factors[k] = load<V>(factors(k, item) + first + c);
        column.ends[k] = ends(k, item) + first + c;
        column.firsts[k] = levels.n_dropped(k);
        column.lengths[k] = b_.shape.length(k);
      }
      column.out = out + c;
      column.out_pitch = out_pitch;
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
  const T* taps_;
  std::vector<std::vector<Moments>> moments_;  // of each u_k, then of each level
  Space<T> factors_, ends_;
  Space<T> firsts_;  // the frames of u_k at the ends
};

}  // namespace sudormrf
