print("loading the model", flush=True)
eaten = []
while True:
    eaten.append(bytearray(8_000_000))
