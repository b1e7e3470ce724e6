"""docs/diagnosis.md, in both languages, is the table of the rules as they are. ``GOLDEN=write`` writes it anew."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

import pytest

from twinkle_notifier.diagnosis import known
from twinkle_notifier.diagnosis.rule import Rule

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"en": DOCS / "diagnosis.md", "zh": DOCS / "diagnosis.zh.md"}
HEADS = {
    "en": """\
# Known errors

This page is made from the rules in `diagnosis/known/`: {rules} of them. Each adds its likely cause and its next steps to
[the message](messages.md) of an error that it is sure about, in English and in Chinese. `{{name}}` stands for what the error says there.
[How to write one](messages.md#write-a-rule).
""",
    "zh": """\
# 已知错误

本页由 `diagnosis/known/` 里的规则生成，共 {rules} 条。规则对某个错误有把握时，会在[消息](messages.md)里加上可能原因和建议，中英文都有。\
`{{name}}` 代表错误在那里的内容。[怎样写规则](messages.md#write-a-rule)。
""",
}
COLUMNS = {"en": "| rule | likely | next |", "zh": "| 规则 | 可能原因 | 建议 |"}
# What each file is about, by the English of its docstring: so none stays behind when that changes.
CHINESE = {
    "NPUs, AMD GPUs and other accelerators, and what they cannot do": "NPU、AMD GPU 等加速卡，以及它们不支持的功能",
    "Packages that are missing, or built for something else": "缺少的包，或为其他环境编译的包",
    "Reading checkpoints and weights, and continuing from them": "读取 checkpoint 和权重，并从中恢复",
    "NCCL, gloo and collectives": "NCCL、gloo 与集合通信",
    "Extensions that are compiled where they run, and attention kernels that do not fit": (
        "现场编译的扩展，以及不匹配的 attention kernel"
    ),
    "Workers of a DataLoader, their processes, and the data that they read": (
        "DataLoader 的 worker、它们的进程和读取的数据"
    ),
    "Errors of the device and its driver": "设备与驱动的错误",
    "Memory of the device": "显存",
    "Disks and file systems": "磁盘与文件系统",
    "Losses that are no numbers": "loss 为 NaN 或无穷大",
    "Other frameworks, compilers and kernels": "其他框架、编译器与 kernel",
    "Losses, gradients, scalers and numbers that are not finite": "loss、梯度、scaler 与非有限数",
    "Memory of the host and shared memory": "主机内存与共享内存",
    "Models and data from the Hugging Face Hub, and the network on the way there": (
        "Hugging Face Hub 的模型和数据，以及途中的网络"
    ),
    "The interpreter and its packages, text encodings, and what a job without a terminal lacks": (
        "解释器和包、文本编码，以及没有终端的作业缺少的东西"
    ),
    "Launchers, rendezvous, ports, schedulers and Ray": "启动器、rendezvous、端口、调度系统与 Ray",
    "Losses, optimizers and schedulers": "loss、优化器与学习率调度",
    "DDP, FSDP, DeepSpeed and Accelerate": "DDP、FSDP、DeepSpeed 与 Accelerate",
    "Processes that end, and groups that do not meet": "进程退出，以及进程组凑不齐",
    "Engines that serve a model: vLLM, SGLang, quantized weights": "推理引擎：vLLM、SGLang、量化权重",
    "Models spread over several devices": "分布在多个设备上的模型",
    "Shapes, dtypes and devices": "形状、dtype 与设备",
    "Tokenizers, models and data of text": "tokenizer、文本模型与文本数据",
    "Trainers and the arguments that they take, and trackers": "训练框架及其参数，以及实验跟踪",
    "Versions that do not fit each other": "互相不匹配的版本",
    "Gradients: views, inference tensors and weights that were released": "梯度：view、inference tensor 与已释放的权重",
    "NCCL and gloo, where the error says little, and in the words of older releases": (
        "NCCL 与 gloo：报错说得很少的，以及旧版本的说法"
    ),
    "Processes that crash or are refused without a Python error": "没有 Python 异常就崩溃或被拒绝的进程",
    "Calls of cuDNN and cuBLAS that fail": "cuDNN 与 cuBLAS 调用失败",
    "Datasets that are not found": "找不到的数据集",
    "Memory of the device and of the host, in the words of other layers": "显存与主机内存：其他软件层的报错",
    "Memory of the device, by the numbers of the allocator and of the driver": "显存：根据分配器和驱动给出的数值",
    "NaN where numbers are needed": "不该出现的 NaN",
    "Calls of the driver, cuDNN and cuBLAS that fail": "驱动、cuDNN 与 cuBLAS 调用失败",
    "Files and datasets of the Hub": "Hub 上的文件与数据集",
    "Images that cannot be read, or do not fit their text": "读不出或与文本不匹配的图像",
    "FlashAttention, bitsandbytes and Triton that are missing or do not fit": "缺少或不匹配的 FlashAttention、bitsandbytes 与 Triton",
    "Labels and classes": "标签与类别",
    "What is said when nothing more special holds": "没有更具体的规则时给出的提示",
    "Inputs that do not fit a layer, and lists that become no tensor": "与层不匹配的输入，以及转不成 tensor 的列表",
    "Lightning and its versions": "Lightning 及其版本",
    "Groups of processes: the store, NCCL and gloo in other words": "进程组：store、NCCL 与 gloo 的其他报错",
    "The Hub and the network: time-outs, refusals and broken connections": "Hub 与网络：超时、拒绝与连接中断",
    "Ascend NPUs": "昇腾 NPU",
    "NCCL between nodes: InfiniBand, RoCE and TCP": "节点之间的 NCCL：InfiniBand、RoCE 与 TCP",
    "Compilers and linkers, in the lines that they print": "编译器与链接器打印的报错",
    "Quantized and offloaded models": "量化与 offload 的模型",
    "Ray": "Ray",
    "Saved weights and files that cannot be read": "读不出的权重与文件",
    "Files on the disk and network storage": "磁盘与网络存储上的文件",
    "What the system refused, and data that cannot be decompressed": "系统拒绝的调用，以及解压不了的数据",
    "Shapes that do not fit": "不匹配的形状",
    "Tensors on the wrong device, of the wrong dtype, or not for NumPy": "设备或 dtype 不对、NumPy 不接受的 tensor",
    "Tokenizers and the texts that they get": "tokenizer 与输入的文本",
    "Trainers, adapters and their versions": "训练框架、adapter 及其版本",
    "Libraries and versions that do not fit": "不匹配的库与版本",
    "Texts, vocabularies and heads that do not fit the model": "与模型不匹配的文本、词表与输出头",
    "Worker processes and what they are sent": "worker 进程与传给它们的对象",
    "DDP, FSDP, DeepSpeed, Accelerate and Lightning: how the model is wrapped and the run set up": "DDP、FSDP、DeepSpeed、Accelerate 与 Lightning：模型的包装与运行的配置",
    "DeepSpeed's ZeRO": "DeepSpeed 的 ZeRO",
}


def page(language: str) -> str:
    parts = [HEADS[language].format(rules=len(known.KNOWN))]
    for room in rooms():
        parts.append(f"\n## {heading(room.__doc__, language)}\n\n{COLUMNS[language]}\n|---|---|---|\n")
        parts += [f"{row_of(rule, language)}\n" for rule in room.RULES]
    return "".join(parts)


def rooms() -> Iterator[ModuleType]:
    for module in iter_modules(known.__path__):
        yield import_module(f"{known.__name__}.{module.name}")


def heading(doc: str | None, language: str) -> str:
    """With the anchor of the English one, which links lead to."""
    english = (doc or "").strip().rstrip(".")
    anchor = re.sub(r"[^\w -]", "", english.lower()).replace(" ", "-")
    return english if language == "en" else f"{CHINESE[english]} {{#{anchor}}}"


def row_of(rule: Rule, language: str) -> str:
    advice, semicolon = (rule.en, "; ") if language == "en" else (rule.zh, "；")
    return f"| [{rule.id}]({rule.source}) | {escaped(advice.likely)} | {escaped(semicolon.join(advice.next))} |"


def escaped(text: str) -> str:
    return re.sub(r"([|<>*_\[\]{}])", r"\\\1", text)  # `{name}` at a cell's end would be its attribute


@pytest.mark.parametrize("language", PAGES)
def test_the_page_shows_the_rules_as_they_are(language: str) -> None:
    if os.environ.get("GOLDEN") == "write":
        PAGES[language].write_text(page(language))
    assert PAGES[language].read_text().splitlines() == page(language).splitlines()


def test_each_chinese_heading_is_of_a_file() -> None:
    """None is left of a file that is gone, or that is about something else by now."""
    assert set(CHINESE) == {heading(room.__doc__, "en") for room in rooms()}
