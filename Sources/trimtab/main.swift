TrimtabCommand.main()
