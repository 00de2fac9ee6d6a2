import Bars
