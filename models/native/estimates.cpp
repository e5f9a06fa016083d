// Behind the blocks: masks, applied to the encoded mixture, and the decoder. Some frames go all the
// way while they lie in the second cache.
#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>

#include "operators.h"
#include "product.h"

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
    const auto put = [&](int64_t s, V value) { store(latent + s * n_filters + c, value); };
    if (activation != Activation::kSoftmax) {
      for (int64_t s = 0; s < n_src; s++) {
        const V value = value_of(s), relu = value > zero ? value : zero;
        const bool is_relu = activation == Activation::kRelu;
        put(s, from * (is_relu ? relu : one / (one + exponential(-value))));
      }
      return;
    }
    if (n_src == 2) {  // one exponential is enough
      const V distance = value_of(1) - value_of(0);
      const V ratio = exponential(distance > zero ? -distance : distance);
      const V most = from / (one + ratio), least = ratio * most;
      put(0, distance > zero ? least : most);
      return put(1, distance > zero ? most : least);
    }
    V highest = value_of(0), sum{};
    for (int64_t s = 1; s < n_src; s++) {
      const V other = value_of(s);
      highest = other > highest ? other : highest;
    }
    for (int64_t s = 0; s < n_src; s++) {
      const V value = exponential(value_of(s) - highest);
      sum += value;
      put(s, value);
    }
    const V factor = from / sum;
    for (int64_t s = 0; s < n_src; s++) {
      put(s, factor * load<V>(latent + s * n_filters + c));
    }
  });
}

// The encoded mixture, masked, some frames at a time.
template <typename T>
class Masks {
 public:
  Masks(at::TensorList panels_bias_encoded, int64_t n_in, c10::string_view activation)
      : bias_(panels_bias_encoded[1].contiguous()),
        encoded_(panels_bias_encoded[2].contiguous()),
        n_filters_(encoded_.size(-1)),
        n_src_(bias_.numel() / n_filters_),
        product_(panels_bias_encoded[0], n_in, bias_.numel()),
        activation_(activation == "relu" ? Activation::kRelu
                    : n_src_ > 1         ? Activation::kSoftmax
                                         : Activation::kSigmoid) {}

  // `frames` of the features, the first of them frame t of all in a batch.
  void run(Rows<const T> features, int64_t t, int64_t frames, Rows<T> out) const {
    product_.run(features, out, frames);
    const T* encoded = encoded_.const_data_ptr<T>() + t * n_filters_;
    for (int64_t r = 0; r < frames; r++) {
      mask_frame(out.data + r * out.pitch, bias_.const_data_ptr<T>(), encoded + r * n_filters_,
                 n_src_, n_filters_, activation_);
    }
  }
  int64_t n_out() const { return bias_.numel(); }

 private:
  at::Tensor bias_, encoded_;
  int64_t n_filters_, n_src_;
  Product<T> product_;
  Activation activation_;
};

// Frames [frames, n_src, kernel] of one item, overlapped, to samples [n_src, n_samples].
template <typename T>
void overlap_add(const T* frames, int64_t n_frames, int64_t kernel_size, int64_t stride,
                 int64_t n_cut, int64_t n_src, const T* bias, T* out, int64_t n_samples) {
  for (int64_t s = 0; s < n_src; s++, out += n_samples) {
    std::fill_n(out, n_samples, bias ? bias[s] : T(0));
    for (int64_t t = 0; t < n_frames; t++) {
      const T* from = frames + (t * n_src + s) * kernel_size;
      const int64_t at = t * stride - n_cut;  // where its first sample goes
      const int64_t end = std::min(kernel_size, n_samples - at);
      for (int64_t i = std::max<int64_t>(0, -at); i < end; i++) out[at + i] += from[i];
    }
  }
}

}  // namespace

at::Tensor decode(const at::Tensor& features, at::TensorList masks, c10::string_view activation,
                  at::TensorList decoders, const std::optional<at::Tensor>& bias, int64_t n_src,
                  int64_t kernel_size, int64_t stride, int64_t n_cut, int64_t n_samples) {
  const at::Tensor x = features.contiguous();
  const int64_t batch = x.size(0), n_frames = x.size(1), n_in = x.size(2);
  const int64_t n_groups = decoders.size(), n_decoded = n_src * kernel_size;
  const at::Tensor decoded = at::empty({batch, n_frames, n_decoded}, x.options());
  const at::Tensor out = at::empty({batch, n_src, n_samples}, x.options());
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "decode", [&] {
    using T = scalar_t;
    std::optional<Masks<T>> mask;
    if (!masks.empty()) mask.emplace(masks, n_in, activation);
    const int64_t n_masked = mask ? mask->n_out() : n_in;
    std::vector<Product<T>> products;
    for (const at::Tensor& panels : decoders) {
      products.emplace_back(panels, n_masked / n_groups, n_decoded / n_groups);
    }

    FrameBlocks{batch * n_frames}.share_out(
        1, [&] { return Scratch<T>(mask ? kMostFrames * n_masked : 0); },
        [&](int64_t, int64_t, int64_t t, int64_t frames, Scratch<T>& space) {
          Rows<const T> masked{x.const_data_ptr<T>() + t * n_in, n_in};
          if (mask) {
            const Rows<T> made{space.data(), n_masked};
            mask->run(masked, t, frames, made);
            masked = made;
          }
          Rows<T> to{decoded.data_ptr<T>() + t * n_decoded, n_decoded};
          for (const Product<T>& product : products) {
            product.run(masked, to, frames);
            masked.data += n_masked / n_groups;
            to.data += n_decoded / n_groups;
          }
        });
    for (int64_t item = 0; item < batch; item++) {
      overlap_add(decoded.const_data_ptr<T>() + item * n_frames * n_decoded, n_frames, kernel_size,
                  stride, n_cut, n_src, bias ? bias->const_data_ptr<T>() : nullptr,
                  out.data_ptr<T>() + item * n_src * n_samples, n_samples);
    }
  });
  return out;
}

}  // namespace sudormrf
