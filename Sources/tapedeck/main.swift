Tapedeck.main()
