import os
import signal

print("step 1\nstep 2", flush=True)
os.kill(os.getpid(), signal.SIGSEGV)
