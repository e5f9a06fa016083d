// What is done to a few frames of neighbouring channels while they are in the first cache.
//
// Features lie as [frames, channels], so that every loop here runs over channels side by side,
// whatever the stride in time: plain loops that compilers vectorise. `pitch` is the distance from
// a frame to the next. Some frames are done at once, so that parameters are loaded once for them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace sudormrf {

constexpr int64_t kTaps = 5;
constexpr int64_t kUnroll = 4;  // frames done at once

// Normalise and activate: scale x + shift, then a slope below zero. With `kPerFrame`, each frame is
// first normalised by its own moments.
template <typename T, bool kPerFrame>
struct Pointwise {
  const T* scale;
  const T* shift;
  const T* slope;
  const T* rate;    // of each frame
  const T* offset;  // of each frame

  Pointwise from(int64_t channel, int64_t frame) const {
    if constexpr (!kPerFrame) frame = 0;
    return {scale + channel, shift + channel, slope + channel, rate + frame, offset + frame};
  }
  // The normalised features, before the activation.
  T linear(T x, int64_t c, int64_t frame) const {
    if constexpr (kPerFrame) x = rate[frame] * x + offset[frame];
    return scale[c] * x + shift[c];
  }
  T operator()(T x, int64_t c, int64_t frame) const {
    const T y = linear(x, c, frame);
    return y > 0 ? y : slope[c] * y;
  }
};

// Sums of the distances from `origin`, and of their squares, of each channel of a block.
template <typename T>
struct Sums {
  const T* origin;
  T* sum;
  T* squares;
};

// Runs `body(first, std::integral_constant<int, n>)` over frames, kUnroll at a time.
template <typename Body>
inline void in_groups(int64_t frames, Body body) {
  int64_t t = 0;
  for (; t + kUnroll <= frames; t += kUnroll) body(t, std::integral_constant<int, kUnroll>());
  for (; t < frames; t++) body(t, std::integral_constant<int, 1>());
}

template <typename T, bool kPerFrame>
void activate(const T* in, int64_t in_pitch, T* out, int64_t out_pitch, int64_t frames,
              int64_t width, Pointwise<T, kPerFrame> f) {
  in_groups(frames, [&](int64_t t, auto n) {
    const T* __restrict x = in + t * in_pitch;
    T* __restrict y = out + t * out_pitch;
#pragma omp simd
    for (int64_t c = 0; c < width; c++) {
#pragma GCC unroll 4
      for (int r = 0; r < n; r++) y[r * out_pitch + c] = f(x[r * in_pitch + c], c, t + r);
    }
  });
}

template <typename T>
void add_up(const T* in, int64_t pitch, int64_t frames, int64_t width, Sums<T> sums) {
  in_groups(frames, [&](int64_t t, auto n) {
    const T* __restrict x = in + t * pitch;
    T* __restrict sum = sums.sum;
    T* __restrict squares = sums.squares;
#pragma omp simd
    for (int64_t c = 0; c < width; c++) {
      T s = 0, q = 0;
#pragma GCC unroll 4
      for (int r = 0; r < n; r++) {
        const T d = x[r * pitch + c] - sums.origin[c];
        s += d;
        q += d * d;
      }
      sum[c] += s;
      squares[c] += q;
    }
  });
}

// A depth-wise convolution; `in` begins with the first window. Sums are those without the bias.
template <int kStride, typename T>
void convolve(const T* in, int64_t in_pitch, T* out, int64_t out_pitch, int64_t frames,
              int64_t width, const T* taps, int64_t taps_pitch, const T* bias, Sums<T> sums) {
  in_groups(frames, [&](int64_t t, auto n) {
    const T* __restrict x = in + t * kStride * in_pitch;
    T* __restrict y = out + t * out_pitch;
    T* __restrict sum = sums.sum;
    T* __restrict squares = sums.squares;
#pragma omp simd
    for (int64_t c = 0; c < width; c++) {
      T s = 0, q = 0;
#pragma GCC unroll 4
      for (int r = 0; r < n; r++) {
        T d = 0;
#pragma GCC unroll 5
        for (int j = 0; j < kTaps; j++) {
          d += taps[j * taps_pitch + c] * x[(r * kStride + j) * in_pitch + c];
        }
        s += d;
        q += d * d;
        y[r * out_pitch + c] = d + bias[c];
      }
      sum[c] += s;
      squares[c] += q;
    }
  });
}

// The two frames at the time of a coarse one: it, and the fine frames, normalised.
template <typename T, bool kPerFrame>
void upsample_and_add(const T* __restrict coarse, const T* __restrict fine, int64_t pitch,
                      T* __restrict out, int64_t out_pitch, int64_t width,
                      Pointwise<T, kPerFrame> f) {
#pragma omp simd
  for (int64_t c = 0; c < width; c++) {
    out[c] = coarse[c] + f(fine[c], c, 0);
    out[out_pitch + c] = coarse[c] + f(fine[pitch + c], c, 1);
  }
}

}  // namespace sudormrf
