"""Ascend NPUs: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "npu-no-memory": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "malloc:torch_npu/csrc/core/npu/NPUCachingAllocator.cpp:1100 NPU function error: "
                    "aclrtMallocAlign32, error code is 207001\n[ERROR] ERR00100 PTA call acl api failed"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "ACL stream synchronize failed\nEL0004: Failed to allocate memory.\n        Possible Cause: "
                    "Available memory is insufficient."
                ),
            ),
        ),
        misses=(
            raised("RuntimeError", "NPU function error: aclrtSynchronizeStream, error code is 507015"),
            raised("ValueError", "x, error code is 207001"),
        ),
    ),
    "npu-kernel-failed": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "ACL stream synchronize failed, error "
                    "code:507015\nnpuSynchronizeDevice:torch_npu/csrc/core/npu/NPUStream.cpp:407 NPU function "
                    "error: aclrtSynchronizeDevice, error code is 507015\n[ERROR] ERR00100 PTA call acl api failed"
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "query:build/CMakeFiles/torch_npu.dir/compiler_depend.ts:61 NPU function error: "
                    "acl::AclQueryEventRecordedStatus(event_, &currStatus), error code is 507011"
                ),
            ),
        ),
        misses=(
            raised("RuntimeError", "NPU function error: aclrtMallocAlign32, error code is 207001"),
            raised("KeyError", "x, error code is 507015"),
        ),
    ),
    "npu-operator-refused": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "copy_d2d_baseformat_opapi:build/CMakeFiles/torch_npu.dir/compiler_depend.ts:88 NPU function "
                    "error: call aclnnInplaceCopy failed, error code is 161002\n[ERROR] ERR00100 PTA call acl api "
                    "failed.\n[PID: 4346] 2025-11-30-05:12:25.730.116 AclNN_Parameter_Error(EZ1001): The self "
                    "tensor cannot be larger than 8 dimensions."
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "call aclnnAdd failed, error code is 161002\n[ERROR] ERR00100 PTA call acl api failed\nEZ1001: "
                    "2025-01-02 Size does not match"
                ),
            ),
        ),
        misses=(
            raised("RuntimeError", "call aclnnAdd failed, error code is 161002"),
            raised("KeyError", "x AclNN_Parameter_Error(EZ1001): The self tensor cannot be larger than 8 dimensions."),
        ),
    ),
    "npu-device-not-started": Case(
        hits=(
            raised(
                "RuntimeError",
                (
                    "Initialize:build/CMakeFiles/torch_npu.dir/compiler_depend.ts:152 NPU function error: "
                    "c10_npu::SetDevice(device_id_), error code is 507033\n[ERROR] ERR00100 PTA call acl api "
                    "failed\n[Error]: Failed to start the device."
                ),
            ),
            raised(
                "RuntimeError",
                (
                    "SetPrecisionMode:build/CMakeFiles/torch_npu.dir/compiler_depend.ts:155 NPU function error: "
                    "at_npu::native::AclSetCompileopt(aclCompileOpt::ACL_PRECISION_MODE, precision_mode), error "
                    "code is 500001"
                ),
            ),
        ),
        misses=(
            raised("RuntimeError", "NPU function error: aclrtSynchronizeDevice, error code is 507015"),
            raised("KeyError", "x, error code is 507033"),
        ),
    ),
}
