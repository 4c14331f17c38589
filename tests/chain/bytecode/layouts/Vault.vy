# pragma version ^0.4.0
# A vault in another language: its functions are found through a table of hashes.

owner: public(address)
total: public(uint256)
balanceOf: public(HashMap[address, uint256])


@external
@payable
def deposit():
    self.total += msg.value
    self.balanceOf[msg.sender] += msg.value


@external
def withdraw(amount: uint256):
    self.balanceOf[msg.sender] -= amount
    self.total -= amount


@external
def appoint(one: address):
    assert msg.sender == self.owner
    self.owner = one


@external
@view
def share(of: address) -> uint256:
    return self.balanceOf[of] * 10**18 // self.total
