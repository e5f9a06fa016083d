// Gradients of a point-wise convolution's weights: products that sum over frames.
#pragma once

#include "norm_gradient.h"
#include "product.h"

namespace sudormrf {

// Adds to `sums` [kCount, a panel] what some frames of as many narrow channels, which lie by
// themselves, give with a panel of wide ones.
template <int kCount, typename T>
SUDORMRF_FLAT
void add_frames(const T* narrow, const T* panel, int64_t panel_pitch, int64_t frames, T* sums) {
  using V = typename VectorOf<T>::type;
  constexpr int64_t n_lanes = kVectorBytes / sizeof(T);
  V sum[kCount][kVectors]{};
  for (int64_t t = 0; t < frames; t++) {
    V wide[kVectors];
    repeat<kVectors>([&](auto v) { wide[v] = load<V>(panel + t * panel_pitch + v * n_lanes); });
    repeat<kCount>([&](auto r) {
      const T x = narrow[t * kCount + r];
      repeat<kVectors>([&](auto v) { sum[r][v] += x * wide[v]; });
    });
  }
  repeat<kCount>([&](auto r) {
    repeat<kVectors>([&](auto v) { add_to(sums + r * kPanel<T> + v * n_lanes, sum[r][v]); });
  });
}

// Gradients of weights between narrow features and wide ones.
template <typename T>
class WeightGradient {
 public:
  WeightGradient(const Shape& shape, const T* narrow)
      : s_(shape), narrow_(shape.batch * shape.frames * shape.n_bn) {
    T* to = narrow_.data();
    over_blocks([&](int64_t item, int64_t t, int64_t frames) {
      const T* from = narrow + (item * s_.frames + t) * s_.n_bn;
      over_rows([&](int64_t r, int64_t count) {
        for (int64_t i = 0; i < frames; i++) {
          to = std::copy_n(from + i * s_.n_bn + r, count, to);
        }
      });
    });
  }

  // To `out` [n_bn, n_hid], of any strides. The wide features of some channels and frames are where
  // `prepare(channels, t, frames, space)` says; it may write them to `space`, and sees each once.
  template <typename Prepare>
  void run(Prepare prepare, const at::Tensor& out) const {
    at::parallel_for(0, s_.n_tiles(), 1, [&](int64_t begin, int64_t end) {
      Scratch<T> space(kMostFrames * kTile), sums(s_.tile() * s_.n_bn);  // [panels, n_bn, a panel]
      for (int64_t tile = begin; tile < end; tile++) {
        const int64_t first = tile * kTile, width = std::min(kTile, s_.n_hid - first);
        std::fill(sums.begin(), sums.end(), T(0));
        over_blocks([&](int64_t item, int64_t t, int64_t frames) {
          const Rows<const T> wide = prepare(Channels{item, first, width}, t, frames, space.data());
          add_block(narrow_.data() + (item * s_.frames + t) * s_.n_bn, wide, frames, sums.data());
        });
        T* to = out.data_ptr<T>() + first * out.stride(1);
        over_panels([&](int64_t c, int64_t r) {
          const T* from = sums.data() + c * s_.n_bn + r * kPanel<T>;
          for (int64_t i = 0; i < std::min(kPanel<T>, width - c); i++) {
            to[r * out.stride(0) + (c + i) * out.stride(1)] = from[i];
          }
        });
      }
    });
  }

 private:
  void add_block(const T* narrow, Rows<const T> wide, int64_t frames, T* sums) const {
    for (int64_t c = 0; c < s_.tile(); c += kPanel<T>) {
      over_rows([&](int64_t r, int64_t n) {
        T* to = sums + c * s_.n_bn + r * kPanel<T>;
        as_constant<kRows>(n, [&](auto count) {
          add_frames<count>(narrow + r * frames, wide.data + c, wide.pitch, frames, to);
        });
      });
    }
  }
  template <typename Body>
  void over_blocks(Body body) const {
    for (int64_t item = 0; item < s_.batch; item++) {
      for (int64_t t = 0; t < s_.frames; t += kMostFrames) {
        body(item, t, std::min(kMostFrames, s_.frames - t));
      }
    }
  }
  template <typename Body>
  void over_rows(Body body) const {
    for (int64_t r = 0; r < s_.n_bn; r += kRows) body(r, std::min<int64_t>(kRows, s_.n_bn - r));
  }
  template <typename Body>
  void over_panels(Body body) const {
    for (int64_t c = 0; c < s_.tile(); c += kPanel<T>) {
      for (int64_t r = 0; r < s_.n_bn; r++) body(c, r);
    }
  }

  const Shape& s_;
  Scratch<T> narrow_;  // [batch, blocks of frames, groups of rows, frames, rows]
};

}  // namespace sudormrf
