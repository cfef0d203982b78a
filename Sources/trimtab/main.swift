import ArgumentParser

startProgram()
