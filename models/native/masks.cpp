// Around the blocks: a norm without an activation, and masks applied to the encoded mixture.
#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "operators.h"
#include "passes.h"

namespace sudormrf {
namespace {

// exp of a vector of float: 2^n times a polynomial of what is left, within 2 units of the last place.
template <typename V>
V exponential(V x) {
  using Bits = decltype(x > x);  // integers of the same width
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: its last bits become the integer
  const V low = V{} - 87.0f, high = V{} + 88.0f;
  x = x < low ? low : x;
  x = x > high ? high : x;
  const V shifted = x * 1.44269504f + kRound;
  const V n = shifted - kRound;
  const V r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  V p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  Bits bits;
  std::memcpy(&bits, &shifted, sizeof(V));
  bits = (bits << 23) + 0x3f800000;
  V power;
  std::memcpy(&power, &bits, sizeof(V));
  return p * power;
}
inline float exponential(float x) { return std::exp(x); }
inline double exponential(double x) { return std::exp(x); }
inline VectorOf<double>::type exponential(VectorOf<double>::type x) {
  for (size_t i = 0; i < sizeof(x) / sizeof(double); i++) x[i] = std::exp(x[i]);
  return x;
}

enum class Activation { kSoftmax, kSigmoid, kRelu };

// One frame: latent masks [n_src, n_filters], to which the bias is added, become masked features.
template <typename T>
SUDORMRF_FLAT
void mask_frame(T* latent, const T* bias, const T* encoded, int64_t n_src, int64_t n_filters,
                Activation activation) {
  over_lanes<T>(n_filters, [&](int64_t c, auto lanes) {
    using V = decltype(lanes);
    const V from = load<V>(encoded + c), zero{}, one = zero + T(1);
    const auto value_of = [&](int64_t s) {
      return load<V>(latent + s * n_filters + c) + load<V>(bias + s * n_filters + c);
    };
    V highest = value_of(0), sum{};
    if (activation == Activation::kSoftmax) {
      for (int64_t s = 1; s < n_src; s++) {
        const V other = value_of(s);
        highest = other > highest ? other : highest;
      }
    }
    for (int64_t s = 0; s < n_src; s++) {
      V value = value_of(s);
      if (activation == Activation::kSoftmax) {
        value = exponential(value - highest);
        sum += value;
      } else {
        const V relu = value > zero ? value : zero;
        const bool is_relu = activation == Activation::kRelu;
        value = from * (is_relu ? relu : one / (one + exponential(-value)));
      }
      store(latent + s * n_filters + c, value);
    }
    if (activation != Activation::kSoftmax) return;
    const V factor = from / sum;
    for (int64_t s = 0; s < n_src; s++) {
      store(latent + s * n_filters + c, factor * load<V>(latent + s * n_filters + c));
    }
  });
}

}  // namespace

void apply_masks(const at::Tensor& latent, const at::Tensor& bias, const at::Tensor& encoded,
                 c10::string_view activation) {
  TORCH_CHECK(latent.is_contiguous(), "masks are applied in place, to contiguous features");
  const at::Tensor added = bias.contiguous(), mixture = encoded.contiguous();
  const int64_t n_filters = mixture.size(-1), n_src = latent.size(-1) / n_filters;
  const Activation kind = activation == "relu" ? Activation::kRelu
                          : n_src > 1          ? Activation::kSoftmax
                                               : Activation::kSigmoid;
  AT_DISPATCH_FLOATING_TYPES(latent.scalar_type(), "apply_masks", [&] {
    const int64_t frames = mixture.numel() / n_filters, size = n_src * n_filters;
    const int64_t grain = std::max<int64_t>(1, 16384 / size);
    at::parallel_for(0, frames, grain, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; t++) {
        mask_frame(latent.data_ptr<scalar_t>() + t * size, added.const_data_ptr<scalar_t>(),
                   mixture.const_data_ptr<scalar_t>() + t * n_filters, n_src, n_filters, kind);
      }
    });
  });
}

at::Tensor normalise(const at::Tensor& features, const at::Tensor& gain, const at::Tensor& bias,
                     bool is_global) {
  const at::Tensor x = features.contiguous(), out = at::empty_like(x);
  const Shape s{x.size(0), x.size(2), x.size(2), x.size(1), 0};
  const at::Tensor statistics = at::empty({1, 2, s.batch * s.n_bn}, x.options());
  const std::vector<at::Tensor> parameters{gain, bias};
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "normalise", [&] {
    const Block<scalar_t> b{s, {}, parameters, is_global ? Norm::kGlobal : Norm::kChannel,
                            {statistics.data_ptr<scalar_t>(), statistics.size(-1)}};
    std::vector<Moments> moments(s.batch * s.n_bn);
    const Features<const scalar_t> from = narrow(s, x.const_data_ptr<scalar_t>());
    measure(from, s.batch, moments);
    b.settle(0, moments, s.n_bn, s.frames);
    activate_all(b.table(s.n_bn, 0, 0, -1, -1), s.batch, from,
                 narrow(s, out.data_ptr<scalar_t>()));
  });
  return out;
}

}  // namespace sudormrf
