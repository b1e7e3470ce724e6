def step(number):
    return 1 / (3 - number)


for number in range(5):
    step(number)
