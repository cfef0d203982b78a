import ArgumentParser

TrimtabCommand.main()
