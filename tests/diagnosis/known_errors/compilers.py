"""Compilers and linkers: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, printed, raised

CASES: dict[str, Case] = {
    "extension-standard-old": Case(
        hits=(
            printed(
                "/opt/torch/include/ATen/ATen.h:4:2: error: #error C++17 or later compatible compiler is required to use ATen."
                "\nninja: build stopped: subcommand failed."
            ),
            raised(
                "RuntimeError",
                "Error building extension 'x': [1/2] c++ -c a.cpp\nFAILED: a.o\n/opt/torch/include/c10/util/C++17.h:27:2: "
                "error: #error You need C++17 to compile PyTorch\nninja: build stopped: subcommand failed.",
            ),
        ),
        misses=(
            printed("C++17 or later compatible compiler is required to use ATen."),
            printed("a.cpp:4:2: error: #error You need OpenMP to compile this"),
        ),
    ),
    "compile-header-missing": Case(
        hits=(
            printed(
                "/tmp/tmpz4gpqr27/main.c:2:10: fatal error: cuda.h: No such file or directory\n    2 | #include "
                '"cuda.h"\n      |          ^~~~~~~~\ncompilation terminated.'
            ),
            printed(
                "/tmp/tmpx5/main.c:4:10: fatal error: Python.h: No such file or directory\n    4 | #include <Python.h>\n"
                "      |          ^~~~~~~~~~\ncompilation terminated."
            ),
        ),
        misses=(
            printed(
                "a.c:4:10: fatal error: Python.h: No such file or directory\n"
                + "".join(f"step {n}\n" for n in range(6))
            ),
            printed("make: Python.h: No such file or directory"),
            raised("RuntimeError", "main.c:2:10: fatal error: cuda.h: No such file or directory"),
        ),
    ),
    "compile-library-missing": Case(
        hits=(
            printed(
                "/usr/bin/ld: cannot find -lcuda: No such file or directory\ncollect2: error: ld returned 1 exit status"
            ),
            printed(
                "/opt/conda/bin/../lib/gcc/x86_64/bin/ld: cannot find -lcudart\ncollect2: error: ld returned 1 exit status"
            ),
        ),
        misses=(
            printed("/usr/bin/ld: cannot find main.o: No such file or directory"),
            printed("collect2: error: ld returned 1 exit status"),
        ),
    ),
    "ptxas-older": Case(
        hits=(
            raised(
                "RuntimeError",
                "Internal Triton PTX codegen error\n`ptxas` stderr:\nptxas fatal   : Unsupported .version 8.4; current version "
                "is '8.2'",
            ),
            printed("ptxas /tmp/tmp1.ptx, line 5; fatal   : Unsupported .version 8.7; current version is '8.4'"),
        ),
        misses=(
            raised("RuntimeError", "ptxas fatal   : Value 'sm_89' is not defined for option 'gpu-name'"),
            raised("ValueError", "ptxas fatal   : Unsupported .version 8.4; current version is '8.2'"),
        ),
    ),
}
