// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "../interfaces/IERC20.sol";

/// @title Fungible token without a rule for its supply
/// @notice A contract that derives from it decides who creates and destroys tokens.
abstract contract ERC20 is IERC20 {
    /// @notice `account` holds less than it would have to give.
    error InsufficientBalance(address account, uint256 balance, uint256 needed);
    /// @notice `spender` may move less of the tokens of `owner` than it tried to.
    error InsufficientAllowance(address owner, address spender, uint256 allowed, uint256 needed);
    /// @notice Tokens can neither be sent to the zero address nor approved for it.
    error ZeroAddress();

    string private _name;
    string private _symbol;
    uint256 private _totalSupply;
    mapping(address account => uint256) private _balances;
    mapping(address owner => mapping(address spender => uint256)) private _allowances;

    constructor(string memory name_, string memory symbol_) {
        _name = name_;
        _symbol = symbol_;
    }

    /// @notice Name for people.
    function name() external view returns (string memory) {
        return _name;
    }

    /// @notice Short name.
    function symbol() external view returns (string memory) {
        return _symbol;
    }

    /// @notice Digits behind the decimal point when amounts are shown.
    function decimals() external pure returns (uint8) {
        return 18;
    }

    /// @inheritdoc IERC20
    function totalSupply() public view returns (uint256) {
        return _totalSupply;
    }

    /// @inheritdoc IERC20
    function balanceOf(address account) public view returns (uint256) {
        return _balances[account];
    }

    /// @inheritdoc IERC20
    function allowance(address owner, address spender) external view returns (uint256) {
        return _allowances[owner][spender];
    }

    /// @inheritdoc IERC20
    function transfer(address to, uint256 value) external returns (bool) {
        _transfer(msg.sender, to, value);
        return true;
    }

    /// @inheritdoc IERC20
    function approve(address spender, uint256 value) external returns (bool) {
        if (spender == address(0)) revert ZeroAddress();
        _allowances[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    /// @inheritdoc IERC20
    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        uint256 allowed = _allowances[from][msg.sender];
        if (allowed != type(uint256).max) {
            if (allowed < value) revert InsufficientAllowance(from, msg.sender, allowed, value);
            // Cannot underflow: value <= allowed was checked on the line above.
            unchecked {
                _allowances[from][msg.sender] = allowed - value;
            }
        }
        _transfer(from, to, value);
        return true;
    }

    function _transfer(address from, address to, uint256 value) internal {
        if (to == address(0)) revert ZeroAddress();
        uint256 balance = _balances[from];
        if (balance < value) revert InsufficientBalance(from, balance, value);
        // Cannot underflow: value <= balance. Cannot overflow: the sum of all balances is the total supply, which
        // checked arithmetic in _mint keeps below 2^256, and this only moves a part of that sum.
        unchecked {
            _balances[from] = balance - value;
            _balances[to] += value;
        }
        emit Transfer(from, to, value);
    }

    function _mint(address to, uint256 value) internal {
        if (to == address(0)) revert ZeroAddress();
        _totalSupply += value;
        // Cannot overflow: a balance is at most the total supply, whose checked addition has just succeeded.
        unchecked {
            _balances[to] += value;
        }
        emit Transfer(address(0), to, value);
    }

    function _burn(address from, uint256 value) internal {
        uint256 balance = _balances[from];
        if (balance < value) revert InsufficientBalance(from, balance, value);
        // Cannot underflow: value <= balance <= total supply.
        unchecked {
            _balances[from] = balance - value;
            _totalSupply -= value;
        }
        emit Transfer(from, address(0), value);
    }
}
