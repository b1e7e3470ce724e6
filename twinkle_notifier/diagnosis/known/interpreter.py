"""The interpreter and its packages, text encodings, and what a job without a terminal lacks."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

_IMPORT = "https://docs.python.org/3/reference/import.html"
_UTF8 = "https://docs.python.org/3/library/os.html#utf8-mode"
_RECURSION = "https://docs.python.org/3/library/exceptions.html#RecursionError"
_IN_DATA = tuple(f"maximum recursion depth exceeded while {how}" for how in ("encoding a", "decoding a", "pickling"))
_SYSTEM = ("ascii", "gbk", "charmap", "cp949", "cp932", "cp950")
_NOT_UNION = (
    "'type' and 'NoneType'",
    "'NoneType' and 'type'",
    "'type' and 'type'",
    "'_GenericAlias' and ",
    "'types.GenericAlias' and ",
    "'_UnionGenericAlias' and ",
    "'ABCMeta' and 'NoneType'",
)


def _encodes(codec: str) -> tuple[str, str]:
    return f"'{codec}' codec can't encode character ", f"'{codec}' codec can't encode characters "


RULES: tuple[Rule, ...] = (
    Rule(
        "python-too-old-for-unions",
        Advice(
            "the code writes types as `int | None`, and the Python that runs it is older than 3.10",
            (
                "look which one runs: python --version in the job's script; activate the right environment there",
                "or put `from __future__ import annotations` at the top of the file (it helps for annotations only)",
            ),
        ),
        Advice(
            "代码使用了 `int | None` 写法，而运行它的 Python 低于 3.10",
            (
                "确认实际使用的版本：在作业脚本中执行 python --version，并激活正确的环境",
                "或在文件开头加 `from __future__ import annotations`（只对类型注解有效）",
            ),
        ),
        "https://peps.python.org/pep-0604/",
        says=tuple(f"unsupported operand type(s) for |: {types}" for types in _NOT_UNION),
        types=("TypeError",),
    ),
    Rule(
        "numpy-alias-removed",
        Advice(
            "the code uses np.{name}, which NumPy removed in 1.24",
            (
                "write plain {name} for it; if it is in a library, upgrade that (the traceback names it)",
                "or pin numpy<1.24, if the library has no newer version",
            ),
        ),
        Advice(
            "代码使用了 np.{name}，NumPy 1.24 已将其移除",
            (
                "直接写 {name}；若在第三方库中，请升级该库（见 traceback）",
                "若该库没有新版本，可固定 numpy<1.24",
            ),
        ),
        "https://numpy.org/doc/stable/release/1.24.0-notes.html",
        says=("module 'numpy' has no attribute '{name}'.",),
        also=("`np.{}` was a deprecated alias for the builtin",),
        types=("AttributeError",),
    ),
    Rule(
        "numpy-2-removed",
        Advice(
            "the code uses {old}, which NumPy 2.0 removed",
            ("write {new} for it; if it is in a library, upgrade that", "or pin numpy<2, if it has no newer version"),
        ),
        Advice(
            "代码使用了 {old}，NumPy 2.0 已将其移除",
            ("改写为 {new}；若在第三方库中，请升级该库", "若该库没有新版本，可固定 numpy<2"),
        ),
        "https://numpy.org/doc/stable/numpy_2_0_migration_guide.html",
        says=("`{old}` was removed in the NumPy 2.0 release. Use `{new}` instead.",),
        types=("AttributeError",),
    ),
    Rule(
        "setuptools-without-pkg-resources",
        Advice(
            "a package imports pkg_resources, which setuptools 82 removed (some environments have no setuptools)",
            ("upgrade the package whose import fails", "or pin for now: python -m pip install 'setuptools<82'"),
        ),
        Advice(
            "某个包导入了 pkg_resources，而 setuptools 82 已将其移除（新环境也可能没有 setuptools）",
            ("升级导入失败的那个包", "或暂时固定版本：python -m pip install 'setuptools<82'"),
        ),
        "https://setuptools.pypa.io/en/stable/history.html#v82-0-0",
        says=("No module named 'pkg_resources'",),
        types=("ModuleNotFoundError",),
    ),
    Rule(
        "protobuf-generated-code-old",
        Advice(
            "a package has protobuf code that is too old for the protobuf installed here",
            (
                "upgrade the package whose _pb2.py is in the traceback (tensorboard, onnx, wandb, sentencepiece)",
                "or pin for now: python -m pip install 'protobuf<=3.20.3'",
            ),
        ),
        Advice(
            "某个包自带的 protobuf 代码太旧，与当前安装的 protobuf 不兼容",
            (
                "升级 traceback 中 _pb2.py 所属的包（tensorboard、onnx、wandb、sentencepiece）",
                "或暂时固定版本：python -m pip install 'protobuf<=3.20.3'",
            ),
        ),
        "https://protobuf.dev/news/2022-05-06/",
        says=("Descriptors cannot be created directly.", "Descriptors cannot not be created directly."),
        types=("TypeError",),
    ),
    Rule(
        "import-circular",
        Advice(
            "two modules import each other, and one uses the other before it is complete",
            (
                "import the module, not the name, or import inside the function that needs it",
                "check that no file of yours is named like a library (random.py, datasets.py, torch.py)",
            ),
        ),
        Advice(
            "两个模块相互导入，其中一个在另一个尚未加载完时就使用了它",
            (
                "改为导入模块而不是其中的名字，或在用到的函数内部导入",
                "检查自己的文件是否与库同名（random.py、datasets.py、torch.py）",
            ),
        ),
        "https://docs.python.org/3/faq/programming.html#what-are-the-best-practices-for-using-import-in-a-module",
        says=(
            "cannot import name '{}' from partially initialized module '{}' (most likely due to a circular import)",
            "partially initialized module '{}' has no attribute '{}' (most likely due to a circular import)",
        ),
        types=("ImportError", "AttributeError"),
    ),
    Rule(
        "package-shadowed",
        Advice(
            "Python found a bare directory {module} (without `__init__.py`) instead of the package",
            (
                "run from another directory, or rename that directory: a clone of the source often has this name",
                "check that the package itself is installed: python -m pip show {module}",
            ),
        ),
        Advice(
            "Python 找到的是名为 {module} 的普通目录（没有 `__init__.py`），而不是包",
            (
                "换个目录运行，或给该目录改名：常见原因是当前目录下有同名的源码仓库",
                "确认包本身已安装：python -m pip show {module}",
            ),
        ),
        _IMPORT + "#namespace-packages",
        says=("cannot import name '{:word}' from '{module:word}' (unknown location)",),
        types=("ImportError",),
    ),
    Rule(
        "module-missing",
        Advice(
            "the module {name} is not in the environment that ran: not installed, another version, or another Python",
            (
                "in the job's script: `which python`, `python -m pip show PACKAGE`; activate the environment there",
                "your own code: start in its directory, or pip install -e . (names differ: cv2 is opencv-python)",
            ),
        ),
        Advice(
            "运行环境中没有模块 {name}：没有安装、版本不同，或用了另一个 Python",
            (
                "在作业脚本中检查 `which python`、`python -m pip show PACKAGE`，并激活正确的环境",
                "自己的代码：在项目目录下启动，或 pip install -e .（包名可能不同：cv2 是 opencv-python）",
            ),
        ),
        "https://docs.python.org/3/library/exceptions.html#ModuleNotFoundError",
        says=("No module named '{name:word}'",),
        unless=("No module named '{:word}'; '{:word}' is not a package",),
        types=("ModuleNotFoundError",),
    ),
    Rule(
        "import-name-missing",
        Advice(
            "{module}, as found here, has no {name}: its version does not fit, or it is another file of this name",
            (
                "check that {file} is the one you mean",
                "find who imports it (last lines of the traceback), and upgrade that package, or {module}",
            ),
        ),
        Advice(
            "此处的 {module} 里没有 {name}：版本不匹配，或导入了同名的其他文件",
            (
                "确认 {file} 就是你想导入的那个",
                "找出是谁在导入（traceback 最后几行），升级那个包或 {module}",
            ),
        ),
        "https://docs.python.org/3/library/exceptions.html#ImportError",
        says=("cannot import name '{name:word}' from '{module:word}' ({file})",),
        unless=("cannot import name '{:word}' from '{:word}' (unknown location)",),
        types=("ImportError",),
    ),
    Rule(
        "recursion-in-data",
        Advice(
            "an object that is written or read as JSON or by pickle is nested too deeply, or refers to itself",
            ("see which object it is where the traceback ends; store plain, flat data, or ids in place of references",),
        ),
        Advice(
            "用 JSON 或 pickle 读写的对象嵌套过深，或引用了自身",
            ("看 traceback 最后是哪个对象；改存扁平的普通数据，或用 id 代替对象引用",),
        ),
        _RECURSION,
        says=_IN_DATA,
        types=("RecursionError",),
    ),
    Rule(
        "recursion-too-deep",
        Advice(
            "a function calls itself without end: often a `__getattr__` that reads an attribute that is not set",
            (
                "see which lines repeat in the traceback; in `__getattr__` raise AttributeError for names with `__`",
                "raise the limit (sys.setrecursionlimit) only for data that is nested that deeply",
            ),
        ),
        Advice(
            "函数无限递归：常见于 `__getattr__` 读取了尚未设置的属性",
            (
                "查看 traceback 中重复的行；在 `__getattr__` 中对带 `__` 的名字抛出 AttributeError",
                "只有数据确实嵌套很深时才调大 sys.setrecursionlimit",
            ),
        ),
        _RECURSION,
        says=("maximum recursion depth exceeded",),
        unless=(
            *_IN_DATA,
            *(f"maximum recursion depth exceeded {how}" for how in ("while getting the repr", "during ")),
        ),
        types=("RecursionError",),
    ),
    Rule(
        "prompt-without-terminal",
        Advice(
            "the program asked a question (input), and the job has no terminal to answer it",
            (
                "read the question in the last line of the log, and answer it by an option or a variable",
                "the usual ones: --yes, WANDB_API_KEY, HF_TOKEN; trust_remote_code=True, if you know the model's code",
            ),
        ),
        Advice(
            "程序在等待输入（input），而作业没有终端可以回答",
            (
                "看日志最后一行问了什么，用参数或环境变量提前回答",
                "常见的有 --yes、WANDB_API_KEY、HF_TOKEN；看过模型代码后可用 trust_remote_code=True",
            ),
        ),
        "https://docs.python.org/3/library/functions.html#input",
        says=("EOF when reading a line",),
        types=("EOFError",),
    ),
    Rule(
        "display-missing",
        Advice(
            "the code opens a window, and this machine has no display",
            (
                "for plots: MPLBACKEND=Agg, or matplotlib.use('Agg') before pyplot; savefig in place of show",
                "for OpenCV: leave imshow out, and install opencv-python-headless",
            ),
        ),
        Advice(
            "代码要打开窗口，而本机没有显示器",
            (
                "绘图：设置 MPLBACKEND=Agg，或先调用 matplotlib.use('Agg')；用 savefig 代替 show",
                "OpenCV：去掉 imshow，改装 opencv-python-headless",
            ),
        ),
        "https://matplotlib.org/stable/users/explain/figure/backends.html",
        says=(
            "no display name and no $DISPLAY environment variable",
            "couldn't connect to display",
            "Invalid DISPLAY variable",
            "Cannot load backend '{}' which requires the '{}' interactive framework, as 'headless' is currently",
        ),
        types=("TclError", "RuntimeError", "ImportError"),
        signals=("", "SIGABRT"),  # Qt aborts
        printed=("qt.qpa.xcb: could not connect to display",),
    ),
    Rule(
        "header-not-ascii",
        Advice(
            "a header of a web request holds a character that is not allowed there: often in a copied token",
            ("print(repr(token)), and copy it again: no Chinese quotes, spaces or place-holder text in it",),
        ),
        Advice(
            "网络请求头中含有非法字符：常因复制的 token 混入了中文字符",
            ("用 print(repr(token)) 检查并重新复制：不能含中文引号、空格或占位文字",),
        ),
        "https://github.com/python/cpython/blob/main/Lib/http/client.py",
        says=(*_encodes("latin-1"), *_encodes("ascii")),
        types=("UnicodeEncodeError",),
        modules=("http.client", "httpx._models"),
    ),
    Rule(
        "codec-not-fitting",
        Advice(
            "the encoding that was used, by the code or as the system's default, does not fit this text",
            ("name the one that fits: open(path, encoding='utf-8'); PYTHONUTF8=1 makes UTF-8 the default",),
        ),
        Advice(
            "所用的编码（代码指定的，或系统默认的）不适合这段文本",
            ("写明合适的编码：open(path, encoding='utf-8')；PYTHONUTF8=1 可把默认编码设为 UTF-8",),
        ),
        _UTF8,
        says=tuple(text for codec in _SYSTEM for text in (f"'{codec}' codec can't decode byte ", *_encodes(codec))),
        types=("UnicodeDecodeError", "UnicodeEncodeError"),
    ),
    Rule(
        "text-not-utf-8",
        Advice(
            "the bytes are no UTF-8 text (byte {byte} at {position}): another encoding, or a binary file",
            (
                "if they are of a file: `file PATH`; 0x8b at 1 is gzip: gzip.open(path, 'rt')",
                "Chinese text is often GBK: open(path, encoding='gb18030'), or iconv -f gb18030 -t utf-8 OLD > NEW",
            ),
        ),
        Advice(
            "这些字节不是 UTF-8 文本（位置 {position} 的字节 {byte}）：是其他编码或二进制文件",
            (
                "若来自文件，用 `file PATH` 查看；位置 1 的 0x8b 是 gzip：gzip.open(path, 'rt')",
                "中文文本常为 GBK：open(path, encoding='gb18030')，或 iconv -f gb18030 -t utf-8 OLD > NEW",
            ),
        ),
        "https://docs.python.org/3/howto/unicode.html",
        says=(
            "'utf-8' codec can't decode byte {byte:word} in position {position:int}: invalid start byte",
            "'utf-8' codec can't decode byte {byte:word} in position {position:int}: invalid continuation byte",
        ),
        types=("UnicodeDecodeError",),
    ),
    Rule(
        "yaml-tab",
        Advice(
            "the YAML file is indented with a tab, which YAML does not allow",
            ("replace the tabs by spaces: `grep -nP '\\t' FILE` shows the lines",),
        ),
        Advice("YAML 文件用了制表符缩进，而 YAML 不允许", ("把制表符换成空格：`grep -nP '\\t' FILE` 可列出这些行",)),
        "https://yaml.org/spec/1.2.2/#61-indentation-spaces",
        says=("found character '\\t' that cannot start any token",),
        types=("ScannerError",),
    ),
)
