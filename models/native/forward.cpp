// The forward of a U-ConvBlock: two matrix products, and passes over channels between them.
#include <ATen/Dispatch.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>

#include <cstring>

#include "block.h"
#include "operators.h"

namespace sudormrf {

Layout layout_of(c10::string_view variant, int64_t depth) {
  const bool is_code = variant == "code", is_improved = variant == "improved";
  return {variant == "text", !is_improved, is_code, !is_improved, depth};
}

namespace {

constexpr int64_t kFrames = 16;  // frames of a convolution that are done together
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
std::vector<T> by_tap(const T* weight, int64_t n_chan) {
  std::vector<T> taps(kTaps * n_chan);
  for (int64_t c = 0; c < n_chan; c++) {
    for (int64_t j = 0; j < kTaps; j++) taps[j * n_chan + c] = weight[c * kTaps + j];
  }
  return taps;
}

// One level: normalise and activate what comes in, and convolve it.
template <int kStride, bool kPerFrame, typename T>
void run_level(const Block<T>& b, int64_t k, const Table<T>& table, const T* in, T* out,
               std::vector<Moments>& moments) {
  const int64_t n_chan = b.shape.n_hid, n_out = b.shape.length(k), n_in = n_out * kStride;
  const int64_t before = kTaps / 2, overlap = kTaps - kStride;
  const std::vector<T> taps = by_tap(b.at(b.layout.level(k)), n_chan);
  const std::vector<T> zeros(kWidth);
  over_channels(b.shape.batch, n_chan, [&](int64_t item, int64_t c, int64_t width) {
    const T* from = in + item * n_in * n_chan + c;
    T* to = out + item * n_out * n_chan + c;
    const auto f = table.template row<kPerFrame>(item);
    const T* bias = b.at(b.layout.level(k) + 1) + c;
    std::vector<T> window((kFrames * kStride + overlap) * kWidth);  // begins with zeros
    Accumulator<T> accumulator(zeros.data(), width);
    int64_t n_known = before;  // frames of the window that are filled
    int64_t next = 0;          // the first frame that isn't in it
    for (int64_t t = 0; t < n_out; t += kFrames) {
      const int64_t frames = std::min(kFrames, n_out - t);
      const int64_t n_window = frames * kStride + overlap;
      const int64_t n_new = std::min(n_window - n_known, n_in - next);
      T* fresh = window.data() + n_known * kWidth;
      activate(from + next * n_chan, n_chan, fresh, kWidth, n_new, width, f.from(c, next));
      std::fill(fresh + n_new * kWidth, window.data() + n_window * kWidth, T(0));
      convolve<kStride>(window.data(), kWidth, to + t * n_chan, n_chan, frames, width,
                        taps.data() + c, n_chan, bias, accumulator.sums());
      accumulator.flush();
      next += n_new;
      n_known = overlap;
      std::memmove(window.data(), window.data() + frames * kStride * kWidth,
                   overlap * kWidth * sizeof(T));
    }
    accumulator.finish(n_out, bias, moments.data() + item * n_chan + c);
  });
}

// Up again, adding: from all levels to the merged features.
template <bool kPerFrame, typename T>
class Merge {
 public:
  Merge(const Block<T>& b, const std::vector<T*>& levels, const std::vector<Table<T>>& tables,
        T* out)
      : b_(b), levels_(levels), tables_(tables), out_(out) {}

  void run(std::vector<Moments>& moments) {
    const int64_t n_chan = b_.shape.n_hid, coarsest = b_.shape.depth - 1;
    std::vector<T> origin(n_chan);
    for (int64_t k = 0; k <= coarsest; k++) {
      for (int64_t c = 0; c < n_chan; c++) origin[c] += b_.at(b_.layout.level_norm(k) + 1)[c];
    }
    over_channels(b_.shape.batch, n_chan, [&](int64_t item, int64_t c, int64_t width) {
      Accumulator<T> accumulator(origin.data() + c, width);
      std::vector<T> space(2 * b_.shape.depth * kWidth);
      const int64_t n_fine = int64_t(1) << coarsest;
      T* merged = out_ + item * b_.shape.frames * n_chan + c;
      for (int64_t t = 0; t < b_.shape.length(coarsest); t++) {
        const T* from = levels_[coarsest] + (item * b_.shape.length(coarsest) + t) * n_chan + c;
        T* to = coarsest == 0 ? merged + t * n_chan : space.data() + 2 * coarsest * kWidth;
        activate(from, n_chan, to, n_chan, 1, width,
                 tables_[coarsest].template row<kPerFrame>(item).from(c, t));
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
                     tables_[k].template row<kPerFrame>(item).from(c, t));
    rise(k - 1, item, c, width, 2 * t, to, space);
    rise(k - 1, item, c, width, 2 * t + 2, to + pitch, space);
  }

  const Block<T>& b_;
  const std::vector<T*>& levels_;
  const std::vector<Table<T>>& tables_;
  T* out_;
};

template <bool kPerFrame, typename T>
void activate_all(const Table<T>& table, int64_t batch, int64_t frames, int64_t n_chan, T* data) {
  over_channels(batch, n_chan, [&](int64_t item, int64_t c, int64_t width) {
    T* rows = data + item * frames * n_chan + c;
    activate(rows, n_chan, rows, n_chan, frames, width,
             table.template row<kPerFrame>(item).from(c, 0));
  });
}

// The residual sum, and its moments.
template <bool kPerFrame, typename T>
void add_residual(const Table<T>& table, const Shape& s, const T* features, const T* contracted,
                  T* out) {
  over_channels(s.batch, s.n_bn, [&](int64_t item, int64_t first, int64_t width) {
    const auto f = table.template row<kPerFrame>(item).from(first, 0);
    for (int64_t t = 0; t < s.frames; t++) {
      const int64_t at = (item * s.frames + t) * s.n_bn + first;
      const T* __restrict x = features + at;
      const T* __restrict y = contracted + at;
      T* __restrict to = out + at;
#pragma omp simd
      for (int64_t c = 0; c < width; c++) to[c] = x[c] + f.linear(y[c], c, t);
    }
  });
}

// [batch, frames, n_in] and [n_out, n_in, 1] to [batch, frames, n_out].
void multiply(const at::Tensor& features, const at::Tensor& weight, at::Tensor out) {
  at::Tensor rows = out.view({-1, out.size(-1)});
  at::mm_out(rows, features.view({-1, features.size(-1)}), weight.squeeze(-1).t());
}

template <bool kPerFrame, typename T>
void run(const Block<T>& b, const at::Tensor& x, const at::Tensor& expanded,
         const at::Tensor& merged, const at::Tensor& contracted, const at::Tensor& out) {
  const Shape& s = b.shape;
  const Layout& layout = b.layout;
  std::vector<Moments> moments(s.batch * s.n_hid), bn_moments(s.batch * s.n_bn);
  const int64_t n_features = s.batch * s.frames * s.n_hid;
  const at::Tensor space = at::empty({2 * n_features}, x.options());
  std::vector<T*> levels{space.data_ptr<T>()};
  for (int64_t k = 1; k < s.depth; k++) levels.push_back(levels.back() + (n_features >> (k - 1)));

  multiply(x, b.parameters[layout.expand], expanded);
  measure(expanded.const_data_ptr<T>(), s.batch, s.frames, s.n_hid, b.at(layout.expand + 1),
          moments);
  b.settle(0, moments, s.n_hid, s.frames);
  run_level<1, kPerFrame>(b, 0, b.expanded(), expanded.const_data_ptr<T>(), levels[0], moments);
  b.settle(1, moments, s.n_hid, s.frames);
  std::vector<Table<T>> tables{b.level(0)};
  for (int64_t k = 1; k < s.depth; k++) {
    run_level<2, kPerFrame>(b, k, tables.back(), levels[k - 1], levels[k], moments);
    b.settle(1 + k, moments, s.n_hid, s.length(k));
    tables.push_back(b.level(k));
  }
  Merge<kPerFrame, T>(b, levels, tables, merged.data_ptr<T>()).run(moments);
  b.settle(s.depth + 1, moments, s.n_hid, s.frames);
  activate_all<kPerFrame>(b.merged(), s.batch, s.frames, s.n_hid, merged.data_ptr<T>());

  multiply(merged, b.parameters[layout.contract()], contracted);
  const T* y = contracted.const_data_ptr<T>();
  if (layout.has_last_norm) {
    measure(y, s.batch, s.frames, s.n_bn, b.at(layout.contract() + 1), bn_moments);
    b.settle(s.depth + 2, bn_moments, s.n_bn, s.frames);
  }
  T* to = out.data_ptr<T>();
  add_residual<kPerFrame>(b.contracted(), s, x.const_data_ptr<T>(), y, to);
  if (layout.has_end_norm) {
    const std::vector<T> nothing(s.n_bn);
    measure(to, s.batch, s.frames, s.n_bn, nothing.data(), bn_moments);
    b.settle(s.depth + 3, bn_moments, s.n_bn, s.frames);
  }
  if (layout.has_end_slope) activate_all<kPerFrame>(b.end(), s.batch, s.frames, s.n_bn, to);
}

}  // namespace

Saved forward(const at::Tensor& features, at::TensorList parameters, int64_t depth,
              c10::string_view variant, bool is_global, bool keeps) {
  const Layout layout = layout_of(variant, depth);
  TORCH_CHECK(int64_t(parameters.size()) == layout.size(), "a ", variant, " block of ", depth,
              " levels has ", layout.size(), " parameters, not ", parameters.size());
  const at::Tensor x = features.transpose(1, 2).contiguous();  // [batch, frames, n_bn]
  const Shape s{x.size(0), x.size(2), parameters[0].size(0), x.size(1), depth};
  const auto options = x.options();
  const at::Tensor expanded = at::empty({s.batch, s.frames, s.n_hid}, options);
  const at::Tensor merged = keeps ? at::empty_like(expanded) : expanded;
  const at::Tensor contracted = at::empty_like(x);
  const at::Tensor statistics =
      at::empty({depth + 4, 2, s.batch * std::max(s.n_bn, s.n_hid)}, options);
  const at::Tensor out = at::empty_like(x);
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "uconv_block", [&] {
    const Block<scalar_t> b{s, layout, parameters, is_global ? Norm::kGlobal : Norm::kChannel,
                            {statistics.data_ptr<scalar_t>(), statistics.size(-1)}};
    run<false>(b, x, expanded, merged, contracted, out);
  });
  return {out.transpose(1, 2), expanded, contracted, statistics};
}

}  // namespace sudormrf
