"""What torch says and does on a GPU: on the simulated one, and by `make cuda` on a real one."""

import copy

import pynvml
import pytest
import torch
from torch import Tensor, nn

from tests import fault_models
from tests.simulated_cuda.fixtures import a_gpu_fixture as a_gpu_fixture

MIB = 2**20
pytestmark = pytest.mark.usefixtures("a_gpu")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def test_a_gpu_is_there_and_described() -> None:
    assert torch.cuda.is_available()
    assert torch.cuda.device_count() >= 1
    assert torch.cuda.current_device() == 0
    properties = torch.cuda.get_device_properties(0)
    assert torch.cuda.get_device_name() == properties.name
    assert torch.cuda.get_device_capability() == (properties.major, properties.minor)
    assert properties.L2_cache_size > 0
    free, total = torch.cuda.mem_get_info()
    assert 0 < free < total <= properties.total_memory
    assert torch.cuda.is_initialized()


def test_the_uuid_of_torch_is_the_drivers_without_its_prefix() -> None:
    pynvml.nvmlInit()
    bare = str(torch.cuda.get_device_properties(0).uuid)
    handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{bare}")
    assert pynvml.nvmlDeviceGetUUID(handle) == f"GPU-{bare}"
    assert pynvml.nvmlDeviceGetName(handle) == torch.cuda.get_device_name()


def test_the_driver_lists_a_process_that_uses_the_gpu() -> None:
    """Its number may be the host's; its memory counts all the same."""
    pynvml.nvmlInit()
    torch.ones(1, device="cuda")
    bare = str(torch.cuda.get_device_properties(0).uuid)
    handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{bare}")
    assert pynvml.nvmlDeviceGetMemoryInfo(handle).used > torch.cuda.memory_allocated()


@pytest.mark.parametrize(
    "place",
    [
        lambda tensor: tensor.to("cuda"),
        lambda tensor: tensor.to(device=torch.device("cuda", 0)),
        lambda tensor: tensor.to("cuda", torch.float64).to(torch.float32),
        lambda tensor: tensor.to(torch.ones(1, device="cuda")),
        lambda tensor: tensor.cuda(),
        lambda tensor: torch.as_tensor(tensor, device="cuda"),
        lambda tensor: torch.ones(3, device="cuda") * 2.0,
        lambda tensor: nn.Parameter(tensor).to("cuda").detach(),
    ],
)
def test_tensors_say_where_they_are(place: object) -> None:
    assert callable(place)
    host = torch.full((3,), 2.0)
    moved: Tensor = place(host)
    assert moved.device == torch.device("cuda", 0)
    assert moved.is_cuda
    assert not moved.is_cpu
    assert moved.get_device() == 0
    assert not host.is_cuda
    moved.add_(1.0)
    assert host.tolist() == [2.0] * 3  # another memory
    back = moved.cpu()
    assert not back.is_cuda
    assert back.numpy().tolist() == [3.0] * 3


def test_what_is_there_already_is_not_copied() -> None:
    tensor = torch.ones(3, device="cuda")
    assert tensor.to("cuda") is tensor or tensor.to("cuda").data_ptr() == tensor.data_ptr()
    assert torch.zeros_like(tensor).is_cuda
    assert tensor.new_ones(2).is_cuda
    assert not torch.ones(3).is_cuda


def test_a_default_device_is_one_too() -> None:
    with torch.device("cuda"):
        layer, made = nn.Linear(2, 3), torch.zeros(2)
    assert layer.weight.is_cuda
    assert made.is_cuda
    assert layer(made).is_cuda


def test_a_network_moves_whole_and_so_do_its_gradients() -> None:
    model = nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2), nn.LSTM(6, 2)).to("cuda")
    assert all(tensor.is_cuda for tensor in (*model.parameters(), *model.buffers()))
    features, _ = model(torch.rand(1, 1, 8, device="cuda"))
    features.sum().backward()
    assert all(p.grad is not None and p.grad.is_cuda for p in model.parameters())


def test_results_are_those_of_the_cpu() -> None:
    """Within the rounding of TF32, which real cards may use in convolutions."""
    model, mixture = fault_models.healthy(), torch.rand(1, 1, 100)
    with torch.inference_mode():
        expected = model(mixture)
        found = copy.deepcopy(model).to("cuda")(mixture.to("cuda"))
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-2, atol=1e-3)


def test_tensors_of_two_places_do_not_mix_but_for_a_number() -> None:
    there, here = torch.ones(3, device="cuda"), torch.ones(3)
    with pytest.raises(RuntimeError, match=r"on the same device.*cuda:0.*cpu"):
        there + here
    assert (there * torch.tensor(2.0)).tolist() == [2.0] * 3
    there.copy_(here)
    assert there[torch.tensor([0, 1])].is_cuda  # indices may be of the CPU
    with pytest.raises(TypeError, match="can't convert cuda:0 device type tensor to numpy"):
        there.numpy()


@pytest.mark.parametrize("n_bytes", [1, 512, 513, 10 * MIB + 1])
def test_memory_is_booked_in_blocks_of_512_bytes(n_bytes: int) -> None:
    before = torch.cuda.memory_allocated()
    held = torch.empty(n_bytes, dtype=torch.uint8, device="cuda")
    expected = -(-n_bytes // 512) * 512
    assert torch.cuda.memory_allocated() - before == expected
    assert held.view(-1).data_ptr() == held.data_ptr()
    assert torch.cuda.memory_allocated() - before == expected  # a view holds nothing of its own
    assert torch.cuda.memory_reserved() >= torch.cuda.memory_allocated()
    del held
    assert torch.cuda.memory_allocated() == before


def test_peaks_begin_where_they_are_reset() -> None:
    held = torch.empty(4 * MIB, dtype=torch.uint8, device="cuda")
    large = torch.empty(64 * MIB, dtype=torch.uint8, device="cuda")
    assert torch.cuda.max_memory_allocated() >= 68 * MIB
    del large
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    floor = torch.cuda.memory_allocated()
    assert torch.cuda.max_memory_allocated() == floor
    block = torch.empty(16 * MIB, dtype=torch.uint8, device="cuda")
    del block
    assert torch.cuda.max_memory_allocated() == floor + 16 * MIB
    assert torch.cuda.max_memory_reserved() >= torch.cuda.max_memory_allocated()
    assert held.is_cuda


def test_the_first_product_takes_a_workspace() -> None:
    torch._C._cuda_clearCublasWorkspaces()
    matrix = torch.ones(64, 64, device="cuda")
    before = torch.cuda.memory_allocated()
    matrix @ matrix
    taken = torch.cuda.memory_allocated() - before
    assert taken >= 4 * MIB
    torch._C._cuda_clearCublasWorkspaces()
    assert torch.cuda.memory_allocated() == before


def test_more_than_there_is_is_an_error_of_its_own() -> None:
    with pytest.raises(torch.OutOfMemoryError, match=r"CUDA out of memory\. Tried to allocate "):
        torch.empty(2**45, dtype=torch.uint8, device="cuda")


def test_events_time_what_lies_between_them() -> None:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    with pytest.raises(ValueError, match="must be recorded before"):
        start.elapsed_time(end)
    start.record()
    torch.ones(256, 256, device="cuda") @ torch.ones(256, 256, device="cuda")
    end.record()
    end.synchronize()
    assert start.query()
    assert 0 < start.elapsed_time(end) < 60_000
    untimed = torch.cuda.Event()
    untimed.record()
    with pytest.raises(ValueError, match="enable_timing=True"):
        start.elapsed_time(untimed)


def test_streams_are_told_apart() -> None:
    default, side = torch.cuda.current_stream(), torch.cuda.Stream()
    assert side != default
    side.wait_stream(default)
    with torch.cuda.stream(side):
        assert torch.cuda.current_stream() == side
    assert torch.cuda.current_stream() == default


def test_a_graph_repeats_a_call_with_what_its_input_holds_then() -> None:
    model = fault_models.healthy().to("cuda").eval()
    mixture = torch.rand(1, 1, 50, device="cuda")
    with torch.inference_mode():
        for _ in range(3):
            model(mixture)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            assert torch.cuda.is_current_stream_capturing()
            estimates = model(mixture)
        mixture.mul_(2.0)
        graph.replay()
        torch.cuda.synchronize()
        torch.testing.assert_close(estimates, model(mixture))


def test_a_value_can_not_be_read_while_a_graph_is_captured() -> None:
    """The context is left unfit by it on some cards, so this comes last."""
    number = torch.ones(1, device="cuda")
    graph = torch.cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match="captur"), torch.cuda.graph(graph):
        float(number)


def test_an_optimiser_takes_the_kernels_for_many_tensors() -> None:
    """foreach is torch's choice on CUDA (torch.optim, "foreach implementations")."""
    model = nn.Linear(3, 2).to("cuda")
    optimiser = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 3, device="cuda")).sum().backward()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        optimiser.step()
    names = {event.name for event in profiler.events()}
    assert any("_foreach_" in name for name in names)
    assert all(state["step"].device.type == "cpu" for state in optimiser.state.values())
    assert all(state["exp_avg"].is_cuda for state in optimiser.state.values())


def test_random_states_of_a_gpu_can_be_kept() -> None:
    state = torch.cuda.get_rng_state()
    torch.cuda.set_rng_state(state)
    assert torch.equal(torch.cuda.get_rng_state(), state)


def test_autocast_makes_products_narrower_and_a_scaler_scales() -> None:
    layer = nn.Linear(4, 4).to("cuda")
    scaler = torch.amp.GradScaler("cuda")
    optimiser = torch.optim.SGD(layer.parameters(), lr=1.0)
    with torch.autocast("cuda", torch.bfloat16):
        product = layer(torch.ones(1, 4, device="cuda"))
    assert product.dtype == torch.bfloat16
    scaler.scale(product.float().sum()).backward()
    scaler.step(optimiser)
    scaler.update()
    assert scaler.get_scale() > 0


def test_a_profiler_lists_what_ran_on_the_card() -> None:
    from torch.profiler import ProfilerActivity, profile, supported_activities

    if ProfilerActivity.CUDA not in supported_activities():
        pytest.skip("this build's profiler sees no GPU")
    matrix = torch.ones(64, 64, device="cuda")
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CUDA], acc_events=True) as profiler:
        (matrix @ matrix).relu()
        torch.cuda.synchronize()
    device = torch._C._autograd.DeviceType.CUDA
    works = [
        event
        for event in profiler.profiler.kineto_results.events()
        if event.device_type() == device
    ]
    assert len(works) >= 2
    assert all(event.duration_ns() >= 0 for event in works)
