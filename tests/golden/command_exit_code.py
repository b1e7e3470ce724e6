import sys

print("step 1\nstep 2\nno space left for step 3", flush=True)
sys.exit(3)
