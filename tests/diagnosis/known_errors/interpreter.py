"""The interpreter and its packages: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, killed, printed, raised

_ALIAS = (
    "module 'numpy' has no attribute '{0}'.\n`np.{0}` was a deprecated alias for the builtin `{0}`. To avoid this error in "
    "existing code, use `{0}` by itself. Doing this will not modify any behavior and is safe.\nThe aliases was originally "
    "deprecated in NumPy 1.20; for more details and guidance see the original release note at:\n"
    "    https://numpy.org/devdocs/release/1.20.0-notes.html#deprecations"
)
_PROTOBUF = (
    "Descriptors cannot {}be created directly.\nIf this call came from a _pb2.py file, your generated code is out of date "
    "and must be regenerated with protoc >= 3.19.0."
)
_CIRCULAR = "(most likely due to a circular import)"
_YAML = 'while scanning for the next token\nfound character {} that cannot start any token\n  in "train.yaml", line 3, column 1'
_ENCODED = "'{}' codec can't encode characters in position 7-8: ordinal not in range({})"

CASES: dict[str, Case] = {
    "python-too-old-for-unions": Case(
        hits=(
            raised("TypeError", "unsupported operand type(s) for |: 'type' and 'NoneType'"),
            raised("TypeError", "unsupported operand type(s) for |: '_GenericAlias' and 'NoneType'"),
            raised("TypeError", "unsupported operand type(s) for |: 'type' and 'type'"),
        ),
        misses=(
            raised("TypeError", "unsupported operand type(s) for |: 'dict' and 'dict'"),
            raised("TypeError", "unsupported operand type(s) for |: 'Tensor' and 'float'"),
            raised("TypeError", "unsupported operand type(s) for +: 'type' and 'NoneType'"),
        ),
    ),
    "numpy-alias-removed": Case(
        hits=(raised("AttributeError", _ALIAS.format("float")), raised("AttributeError", _ALIAS.format("bool"))),
        misses=(
            raised("AttributeError", "module 'numpy' has no attribute 'in1d'"),
            raised("AttributeError", "module 'numpy' has no attribute 'flaot'. Did you mean: 'float16'?"),
            raised("ValueError", _ALIAS.format("int")),
        ),
    ),
    "numpy-2-removed": Case(
        hits=(
            raised("AttributeError", "`np.NaN` was removed in the NumPy 2.0 release. Use `np.nan` instead."),
            raised("AttributeError", "`np.float_` was removed in the NumPy 2.0 release. Use `np.float64` instead."),
        ),
        misses=(
            raised("AttributeError", _ALIAS.format("float")),
            raised("ImportError", "`np.NaN` was removed in the NumPy 2.0 release. Use `np.nan` instead."),
            raised("AttributeError", "note: `np.NaN` was removed in the NumPy 2.0 release. Use `np.nan` instead."),
        ),
    ),
    "setuptools-without-pkg-resources": Case(
        hits=(
            raised("ModuleNotFoundError", "No module named 'pkg_resources'"),
            raised("ModuleNotFoundError", "No module named 'pkg_resources'", modules=("lightning_fabric",)),
        ),
        misses=(
            raised("ModuleNotFoundError", "No module named 'pkg_resourcess'"),
            raised("ImportError", "No module named 'pkg_resources'"),
            raised("ModuleNotFoundError", "No module named 'setuptools'"),
        ),
    ),
    "protobuf-generated-code-old": Case(
        hits=(raised("TypeError", _PROTOBUF.format("")), raised("TypeError", _PROTOBUF.format("not "))),
        misses=(
            raised("TypeError", "Descriptors should not be created directly, but only retrieved from their parent."),
            raised("RuntimeError", _PROTOBUF.format("")),
        ),
    ),
    "import-circular": Case(
        hits=(
            raised(
                "ImportError", f"cannot import name 'x' from partially initialized module 'ca' {_CIRCULAR} (/w/ca.py)"
            ),
            raised("AttributeError", f"partially initialized module 'torch' has no attribute 'nn' {_CIRCULAR}"),
        ),
        misses=(
            raised("ImportError", "cannot import name 'x' from 'ca' (/w/ca.py)"),
            raised(
                "RuntimeError", f"cannot import name 'x' from partially initialized module 'ca' {_CIRCULAR} (/w/ca.py)"
            ),
            raised("AttributeError", "module 'torch' has no attribute 'nn'"),
        ),
    ),
    "package-shadowed": Case(
        hits=(
            raised("ImportError", "cannot import name 'load_dataset' from 'datasets' (unknown location)"),
            raised("ImportError", "cannot import name 'LLM' from 'vllm' (unknown location)"),
        ),
        misses=(
            raised("ImportError", "cannot import name 'load_dataset' from 'datasets' (/w/datasets/__init__.py)"),
            raised("ModuleNotFoundError", "No module named 'datasets'"),
            raised("ValueError", "cannot import name 'load_dataset' from 'datasets' (unknown location)"),
        ),
    ),
    "module-missing": Case(
        hits=(
            raised("ModuleNotFoundError", "No module named 'einops'"),
            raised("ModuleNotFoundError", "No module named 'torch.nothing'"),
        ),
        misses=(
            raised(
                "ModuleNotFoundError", "No module named 'typing_extensions.foo'; 'typing_extensions' is not a package"
            ),
            raised("ModuleNotFoundError", "No module named 'os.errno'; 'os' is not a package"),
            raised("ModuleNotFoundError", "No module named 'pkg_resources'"),
            raised("ModuleNotFoundError", "No module named 'torch.nn'; 'torch' is not a package"),
            raised("RuntimeError", "No module named 'einops'"),
            raised("ModuleNotFoundError", "plugin: No module named 'einops'"),
        ),
    ),
    "import-name-missing": Case(
        hits=(
            raised(
                "ImportError",
                "cannot import name 'WarmUpScheduler' from 'transformers' (/env/site-packages/transformers/__init__.py)",
            ),
            raised("ImportError", "cannot import name 'collate' from 'utils' (C:\\work\\utils.py)"),
        ),
        misses=(
            raised("ImportError", "cannot import name 'LLM' from 'vllm' (unknown location)"),
            raised(
                "ImportError", f"cannot import name 'x' from partially initialized module 'ca' {_CIRCULAR} (/w/ca.py)"
            ),
            raised("RuntimeError", "cannot import name 'AdamW' from 'transformers' (/env/transformers/__init__.py)"),
        ),
    ),
    "recursion-in-data": Case(
        hits=(
            raised("RecursionError", "maximum recursion depth exceeded while encoding a JSON object"),
            raised("RecursionError", "maximum recursion depth exceeded while pickling an object"),
            raised(
                "RecursionError", "maximum recursion depth exceeded while decoding a JSON array from a unicode string"
            ),
        ),
        misses=(
            raised("RecursionError", "maximum recursion depth exceeded"),
            raised("RecursionError", "maximum recursion depth exceeded while calling a Python object"),
            raised("RuntimeError", "maximum recursion depth exceeded while pickling an object"),
        ),
    ),
    "recursion-too-deep": Case(
        hits=(
            raised("RecursionError", "maximum recursion depth exceeded"),
            raised("RecursionError", "maximum recursion depth exceeded while calling a Python object"),
        ),
        misses=(
            raised("RecursionError", "maximum recursion depth exceeded while getting the repr of an object"),
            raised("RecursionError", "maximum recursion depth exceeded while pickling an object"),
            raised("RecursionError", "maximum recursion depth exceeded while encoding a JSON object"),
            raised("RuntimeError", "maximum recursion depth exceeded"),
            raised("RecursionError", "maximum recursion depth exceeded during compilation"),
            raised("RecursionError", "maximum recursion depth exceeded during ast construction"),
            raised("RecursionError", "Stack overflow (used 8123 kB) while calling a Python object"),
        ),
    ),
    "prompt-without-terminal": Case(
        hits=(
            raised("EOFError", "EOF when reading a line"),
            raised("EOFError", "EOF when reading a line", modules=("click.termui",)),
        ),
        misses=(
            raised("EOFError", "Ran out of input"),
            raised("ValueError", "EOF when reading a line"),
            raised("EOFError", "Compressed file ended before the end-of-stream marker was reached"),
        ),
    ),
    "display-missing": Case(
        hits=(
            killed("SIGABRT", "qt.qpa.xcb: could not connect to display :0"),
            raised("_tkinter.TclError", "no display name and no $DISPLAY environment variable"),
            raised("_tkinter.TclError", 'couldn\'t connect to display "localhost:10.0"'),
            raised(
                "ImportError",
                "Cannot load backend 'TkAgg' which requires the 'tk' interactive framework, as 'headless' is currently running",
            ),
            printed(
                'qt.qpa.xcb: could not connect to display \nqt.qpa.plugin: Could not load the Qt platform plugin "xcb"'
            ),
        ),
        misses=(
            killed("SIGKILL", "qt.qpa.xcb: could not connect to display :0"),
            raised(
                "ImportError",
                "Cannot load backend 'TkAgg' which requires the 'tk' interactive framework, as 'qt' is currently running",
            ),
            raised("_tkinter.TclError", 'image "pyimage1" doesn\'t exist'),
            printed('qt.qpa.plugin: Could not find the Qt platform plugin "xcb" in ""'),
        ),
    ),
    "header-not-ascii": Case(
        hits=(
            raised(
                "UnicodeEncodeError", _ENCODED.format("latin-1", 256), modules=("urllib3.connection", "http.client")
            ),
            raised("UnicodeEncodeError", _ENCODED.format("ascii", 128), modules=("httpx._client", "httpx._models")),
        ),
        misses=(
            raised("UnicodeEncodeError", _ENCODED.format("latin-1", 256), modules=("__main__",)),
            raised("UnicodeEncodeError", _ENCODED.format("ascii", 128)),
            raised(
                "UnicodeDecodeError", "'ascii' codec can't decode byte 0xe6 in position 0", modules=("http.client",)
            ),
        ),
    ),
    "codec-not-fitting": Case(
        hits=(
            raised(
                "UnicodeEncodeError", "'ascii' codec can't encode characters in position 0-1: ordinal not in range(128)"
            ),
            raised(
                "UnicodeDecodeError", "'ascii' codec can't decode byte 0xe6 in position 0: ordinal not in range(128)"
            ),
            raised(
                "UnicodeEncodeError",
                "'ascii' codec can't encode character '\\u6a21' in position 0: ordinal not in range",
            ),
            raised("UnicodeEncodeError", _ENCODED.format("ascii", 128)),
            raised(
                "UnicodeDecodeError", "'gbk' codec can't decode byte 0xa4 in position 64: illegal multibyte sequence"
            ),
            raised("UnicodeDecodeError", "'charmap' codec can't decode byte 0x9d in position 4990: character maps to"),
        ),
        misses=(
            raised(
                "UnicodeDecodeError", "'utf-8' codec can't decode byte 0xd0 in position 2: invalid continuation byte"
            ),
            raised(
                "UnicodeEncodeError",
                "'utf-8' codec can't encode character '\\udce6' in position 0: surrogates not allowed",
            ),
            raised("ValueError", "'ascii' codec can't decode byte 0xe6"),
        ),
    ),
    "text-not-utf-8": Case(
        hits=(
            raised("UnicodeDecodeError", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
            raised(
                "UnicodeDecodeError", "'utf-8' codec can't decode byte 0xd0 in position 2: invalid continuation byte"
            ),
            raised("UnicodeDecodeError", "'utf-8' codec can't decode byte 0x8b in position 1: invalid start byte"),
        ),
        misses=(
            raised("UnicodeDecodeError", "'utf-8' codec can't decode bytes in position 5-6: unexpected end of data"),
            raised(
                "UnicodeDecodeError", "'ascii' codec can't decode byte 0xe6 in position 0: ordinal not in range(128)"
            ),
            raised("ValueError", "'utf-8' codec can't decode byte 0xd0 in position 2: invalid continuation byte"),
        ),
    ),
    "yaml-tab": Case(
        hits=(
            raised("yaml.scanner.ScannerError", _YAML.format("'\\t'")),
            raised("yaml.scanner.ScannerError", f"{_YAML.format(repr(chr(9)))}:\n    \tdim: 3\n    ^"),
        ),
        misses=(
            raised("yaml.scanner.ScannerError", _YAML.format("'@'")),
            raised("yaml.scanner.ScannerError", "mapping values are not allowed here"),
            raised("ValueError", _YAML.format("'\\t'")),
        ),
    ),
}
