Speed.main()
