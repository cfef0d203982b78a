runHelper()
