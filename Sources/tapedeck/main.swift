import ArgumentParser

Tapedeck.main()
