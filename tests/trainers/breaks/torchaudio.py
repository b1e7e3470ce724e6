"""LLaMA-Factory imports it, for sounds alone; there is no build of it without CUDA."""
