from wachtpost.cli import main

main()
